//! P7: a provider that is ill is not made worse, and is used again once it is well.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use super::{
    Finding,
    asking::{Asking, SOON, upstream_problem},
    both,
    claims::Operation,
    client::Response,
    expect,
    subject::Subject,
    upstream::{Act, End, Scene},
};

const REQUESTS: usize = 20;
const AT_ONCE: usize = 4;
/// What a retry budget grants however few the requests.
const SMALL_CHANGE: usize = 10;
/// A breaker's rest, and a busy machine.
const WELL_WITHIN: Duration = Duration::from_secs(45);
const TICK: Duration = Duration::from_millis(250);
const FIRST_TOKEN_TIMEOUT: (&str, &str) = ("APP__LLM__FIRST_TOKEN_TIMEOUT", "1s");
const TOKEN_TIMEOUT: (&str, &str) = ("APP__LLM__TOKEN_TIMEOUT", "1s");

pub fn check(subject: &Subject) -> Finding {
    expect::all(subject.claims.of("P7").map(|operation| {
        both(|| survives_a_brownout(subject, operation), || asks_no_more_than_it_may(subject, operation))
    }))
}

fn survives_a_brownout(subject: &Subject, operation: &Operation) -> Finding {
    let asking = Asking::start(subject, operation, "p7-brownout", &[])?;
    asking.upstream.plays(Scene::Refuses { status: 503, retry_after: None });
    let answers: Vec<Finding<Response>> = thread::scope(|scope| {
        let ask = || (0..REQUESTS / AT_ONCE).map(|_| asking.ask()).collect::<Vec<_>>();
        let askers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(ask)).collect();
        let panicked = |_| vec![Err("a sender panicked".to_owned())];
        askers.into_iter().flat_map(|asker| asker.join().unwrap_or_else(panicked)).collect()
    });
    let what = format!("{} while the provider answers 503", operation.name());
    let calls = asking.upstream.calls().len();
    let most = REQUESTS + REQUESTS / 5 + SMALL_CHANGE;
    let problems = answers.into_iter().map(|answer| upstream_problem(&what, &answer?));
    expect::all([
        expect::all(problems),
        expect::that(calls <= most, || {
            format!("{what}: {REQUESTS} requests made {calls} calls, expected {most} at most")
        }),
        recovers(&asking),
    ])
}

fn recovers(asking: &Asking) -> Finding {
    asking.upstream.plays(Scene::says(&["Well again."]));
    let deadline = Instant::now() + WELL_WITHIN;
    loop {
        let answer = asking.ask()?;
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!(
                "{}: the provider has been well for {} s, and still: {}",
                asking.operation.name(),
                WELL_WITHIN.as_secs(),
                answer.summary()
            ));
        }
        asking.instance.subject.interrupt.check().map_err(|error| error.to_string())?;
        thread::sleep(TICK);
    }
}

fn asks_no_more_than_it_may(subject: &Subject, operation: &Operation) -> Finding {
    let asking = Asking::start(subject, operation, "p7", &[FIRST_TOKEN_TIMEOUT, TOKEN_TIMEOUT])?;
    // The last one is believed for ten minutes.
    expect::all([
        waits_for_a_first_token(&asking),
        waits_for_the_next_token(&asking),
        goes_on_for_nobody(&asking),
        comes_when_it_was_told(&asking),
    ])
}

fn waits_for_a_first_token(asking: &Asking) -> Finding {
    if !asking.instance.subject.has(FIRST_TOKEN_TIMEOUT.0) {
        return Ok(());
    }
    asking.upstream.plays(Scene::Plays(vec![Act::Hold]));
    let what = format!("{} whose provider never begins to answer", asking.operation.name());
    expect::problem(&what, &asking.ask().map_err(|reason| format!("{what}: {reason}"))?, 504)
}

fn waits_for_the_next_token(asking: &Asking) -> Finding {
    let is_told = asking.operation.promises.contains("P4");
    if !is_told || !asking.instance.subject.has(TOKEN_TIMEOUT.0) {
        return Ok(());
    }
    let number = asking.upstream.calls().len();
    asking.upstream.plays(Scene::Plays(vec![Act::Say("Once"), Act::Hold]));
    let what = format!("{} whose provider falls silent after a token", asking.operation.name());
    asking.stream()?.until("error", SOON).map_err(|reason| format!("{what}: {reason}"))?;
    let end = asking.upstream.end(number, SOON).map(|(end, _)| end);
    expect::that(end == Some(End::Left), || {
        format!("{what}: the call goes on, expected it to be given up with the answer")
    })
}

/// After the first token a second call would say something else: there is none.
fn goes_on_for_nobody(asking: &Asking) -> Finding {
    if !asking.operation.promises.contains("P4") {
        return Ok(());
    }
    let before = asking.upstream.calls().len();
    asking.upstream.plays(Scene::Plays(vec![Act::Say("Once"), Act::Cut]));
    asking.stream()?.rest(SOON)?;
    let calls = asking.upstream.calls().len() - before;
    expect::that(calls == 1, || {
        format!(
            "{} whose provider broke off after a token: {calls} calls, expected no second one",
            asking.operation.name()
        )
    })
}

fn comes_when_it_was_told(asking: &Asking) -> Finding {
    let before = asking.upstream.calls().len();
    asking.upstream.plays(Scene::Refuses { status: 429, retry_after: Some(600) });
    let what = format!("{} whose provider says 429 with Retry-After: 600", asking.operation.name());
    let answer = asking.ask()?;
    let mut calls = BTreeMap::<String, usize>::new();
    for call in asking.upstream.calls().into_iter().skip(before) {
        *calls.entry(call.model).or_default() += 1;
    }
    expect::all([
        expect::that((429..=504).contains(&answer.status), || {
            format!("{what}: saw {}, expected a problem", answer.summary())
        })
        .and_then(|()| expect::problem(&what, &answer, answer.status)),
        expect::that(!calls.is_empty() && calls.values().all(|count| *count == 1), || {
            format!("{what}: calls by model {calls:?}, expected one each")
        }),
    ])
}
