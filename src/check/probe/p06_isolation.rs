//! P6: a slow provider is the trouble of those who ask it. Nobody else waits for what they hold.

use std::{
    net::SocketAddr,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use super::{
    Finding,
    asking::{Asking, SOON},
    claims::Operation,
    client::{Request, Response},
    expect,
    subject::{ALICE, Instance, Subject},
    upstream::{Act, Scene},
};

const CONCURRENCY: &str = "APP__LLM__CONCURRENCY";
/// More than the database's connections, and a third of the flood.
const ADMITTED: usize = 8;
const FLOOD: usize = 3 * ADMITTED;
const READS: usize = 20;
/// What is not admitted waits for a moment, not for ever.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);
const PROMPT: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(20);

pub fn check(subject: &Subject) -> Finding {
    expect::all(subject.claims.of("P6").map(|operation| leaves_others_alone(subject, operation)))
}

fn leaves_others_alone(subject: &Subject, operation: &Operation) -> Finding {
    let concurrency = ADMITTED.to_string();
    let variables = [
        (CONCURRENCY, concurrency.as_str()),
        ("APP__LLM__QUEUE_TIMEOUT", "100ms"),
        ("APP__DATABASE__READ_CONNECTIONS", "2"),
    ];
    let asking = Asking::start(subject, operation, "p6", &variables)?;
    asking.upstream.plays(Scene::Plays(vec![Act::Hold, Act::Say("At last.")]));
    let (flood, others) = (flood(&asking)?, others(&asking.instance)?);
    let seen = while_nothing_comes(&asking, &flood, &others);
    let what = format!("{FLOOD} × {} at once, with a provider that says nothing", operation.name());
    let answers = seen.answers.into_iter().collect::<Finding<Vec<Response>>>()?;
    let mut findings = vec![
        seen.others.map_err(|reason| format!("{what}: {reason}")),
        expect::all(answers.iter().map(|answer| is_admitted_or_refused(&what, answer))),
    ];
    // Where it cannot be set, nobody knows how many are to be admitted.
    if subject.has(CONCURRENCY) {
        let (calls, refused, beyond) = (asking.upstream.calls().len(), seen.refused, FLOOD - ADMITTED);
        findings.push(expect::that(calls == ADMITTED, || {
            format!("{what}: {calls} reached the provider, expected {ADMITTED}")
        }));
        findings.push(expect::that(refused >= beyond, || {
            let seconds = REFUSED_WITHIN.as_secs();
            format!("{what}: {refused} refused within {seconds} s, expected the {beyond} beyond the bulkhead")
        }));
    }
    expect::all(findings)
}

/// What was seen of the flood, and meanwhile.
struct Seen {
    others: Finding,
    /// Answered before the provider spoke.
    refused: usize,
    answers: Vec<Finding<Response>>,
}

fn while_nothing_comes(asking: &Asking, flood: &[Request], others: &[Request]) -> Seen {
    let (answers, to) = (Mutex::new(Vec::new()), asking.address());
    let answered = || answers.lock().map(|answers| answers.len()).unwrap_or_default();
    let (others, refused) = thread::scope(|scope| {
        for request in flood {
            scope.spawn(|| {
                let answer = request.send_within(to, PATIENCE);
                answers.lock().map(|mut answers| answers.push(answer)).ok();
            });
        }
        asking.upstream.has_calls(ADMITTED, SOON);
        let others = are_answered(others, to);
        let deadline = Instant::now() + REFUSED_WITHIN;
        while answered() < FLOOD - ADMITTED && Instant::now() < deadline {
            thread::sleep(TICK);
        }
        let refused = answered();
        asking.upstream.release();
        (others, refused)
    });
    Seen { others, refused, answers: answers.into_inner().unwrap_or_default() }
}

/// Half of them with a key: such an answer has more to do with the data layer.
fn flood(asking: &Asking) -> Finding<Vec<Request>> {
    let ask = |number: usize| match number % 2 {
        0 => asking.question(),
        _ => Ok(asking.question()?.without("idempotency-key")),
    };
    (0..FLOOD).map(ask).collect()
}

/// Reads that have nothing to do with the provider: what was made before, and lists.
fn others(instance: &Instance) -> Finding<Vec<Request>> {
    let claims = instance.subject.claims;
    let mut paths: Vec<String> = claims
        .operations
        .iter()
        .filter(|operation| operation.method == "get" && !operation.has_parameters())
        .map(|operation| operation.path.clone())
        .collect();
    for operation in claims.of("P1") {
        let made = instance.call(ALICE, instance.example(operation)?)?;
        paths.push(expect::location(&operation.name(), &made, 201)?);
    }
    expect::that(!paths.is_empty(), || {
        "no operation claims P1 and none is a list: nothing to read".to_owned()
    })?;
    paths.iter().map(|path| instance.with_credential(ALICE, Request::get(path))).collect()
}

fn are_answered(others: &[Request], to: SocketAddr) -> Finding {
    for request in others.iter().cycle().take(READS.max(others.len())) {
        let started = Instant::now();
        let answer = request.send_within(to, PATIENCE)?;
        expect::success(&format!("meanwhile {}", request.name()), &answer)?;
        expect::that(started.elapsed() < PROMPT, || {
            format!("meanwhile {} took {} ms", request.name(), started.elapsed().as_millis())
        })?;
    }
    Ok(())
}

fn is_admitted_or_refused(what: &str, answer: &Response) -> Finding {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    expect::problem(what, answer, 503)?;
    expect::header(what, answer, "retry-after").map(drop)
}
