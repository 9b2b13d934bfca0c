//! P3: a request that is sent again is not done again, whatever happened to the first.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Finding, both,
    claims::Operation,
    client::{Request, Response},
    expect,
    service::Launch,
    subject::{ALICE, Caller, Instance, MALLORY, Subject},
};

const DUPLICATES: usize = 50;
/// Requests under way when the process is killed, and how many callers send them.
const KEYS: usize = 24;
const SENDERS: usize = 6;
/// How long a key whose request died may stay taken: its lease, and a busy machine.
const FREED_WITHIN: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_millis(50);

pub fn check(subject: &Subject) -> Finding {
    expect::all(subject.claims.of("P3").map(|operation| {
        // The crash waits for a lease: the rest is done meanwhile.
        both(|| survives_a_kill(subject, operation), || while_alive(subject, operation))
    }))
}

fn while_alive(subject: &Subject, operation: &Operation) -> Finding {
    let instance = subject.start(&subject.launch("p3")?)?;
    expect::all([
        replays(&instance, operation),
        runs_once_among_duplicates(&instance, operation),
        refuses_malformed_keys(&instance, operation),
    ])
}

fn keyed(instance: &Instance, caller: Caller, operation: &Operation, key: &str) -> Finding<Request> {
    instance.with_credential(caller, instance.example(operation)?.header("idempotency-key", key))
}

fn replays(instance: &Instance, operation: &Operation) -> Finding {
    let to = instance.service.public;
    let request = keyed(instance, ALICE, operation, "probe-p3-replay")?;
    let first = request.send(to)?;
    let what = operation.name();
    expect::success(&what, &first)?;
    let effects = effects(instance, operation)?;

    let second = request.send(to)?;
    let what = format!("{} again with the same key", operation.name());
    expect::same(&what, &first, &second)?;
    is_marked_as_replay(&what, &second)?;
    expect::that(first.header("location") == second.header("location"), || {
        format!("{what}: Location differs from the first answer's")
    })?;
    let effects_after = self::effects(instance, operation)?;
    expect::that(effects == effects_after, || format!("{what}: it had an effect of its own, expected none"))?;

    let other = Request::new(&operation.method, &operation.path)
        .json(operation.variant()?)
        .header("idempotency-key", "probe-p3-replay");
    let other = instance.call(ALICE, other)?;
    expect::problem(&format!("{} with the same key and another body", operation.name()), &other, 422)?;

    let foreign = keyed(instance, MALLORY, operation, "probe-p3-replay")?.send(to)?;
    let what = format!("{} with a key that another caller has used", operation.name());
    expect::success(&what, &foreign)?;
    expect::that(foreign.header("idempotent-replayed").is_none() && foreign.body != first.body, || {
        format!("{what}: saw the other caller's answer, expected one of its own")
    })
}

fn is_marked_as_replay(what: &str, response: &Response) -> Finding {
    expect::that(response.header("idempotent-replayed") == Some("true"), || {
        format!("{what}: there is no Idempotent-Replayed: true")
    })
}

/// One of many runs; the others are told to wait, or get its answer.
fn runs_once_among_duplicates(instance: &Instance, operation: &Operation) -> Finding {
    let request = keyed(instance, ALICE, operation, "probe-p3-duplicates")?;
    let before = effects(instance, operation)?;
    let to = instance.service.public;
    let answers: Vec<Finding<Response>> = thread::scope(|scope| {
        let senders: Vec<_> = (0..DUPLICATES).map(|_| scope.spawn(|| request.send(to))).collect();
        let panicked = || Err("a sender panicked".to_owned());
        senders.into_iter().map(|sender| sender.join().unwrap_or_else(|_| panicked())).collect()
    });
    let answers = answers.into_iter().collect::<Finding<Vec<Response>>>()?;
    let what = format!("{DUPLICATES} × {} at once with one key", operation.name());

    let is_replay = |answer: &&Response| answer.header("idempotent-replayed") == Some("true");
    let (succeeded, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| (200..300).contains(&answer.status));
    let ran = succeeded.iter().filter(|answer| !is_replay(answer)).count();
    expect::that(ran == 1, || format!("{what}: {ran} ran, expected exactly one"))?;
    let bodies: BTreeSet<_> = succeeded.iter().map(|answer| &answer.body).collect();
    expect::that(bodies.len() == 1, || format!("{what}: {} different answers, expected one", bodies.len()))?;
    for answer in refused {
        expect::problem(&what, answer, 409)?;
        expect::header(&what, answer, "retry-after")?;
    }
    let after = effects(instance, operation)?;
    let grown = before.zip(after).map(|(before, after)| after.saturating_sub(before));
    expect::that(grown.is_none_or(|grown| grown == 1), || {
        format!("{what}: {} effects, expected one", grown.unwrap_or_default())
    })
}

fn refuses_malformed_keys(instance: &Instance, operation: &Operation) -> Finding {
    let too_long = "k".repeat(256);
    let keys = [("of 256 characters", too_long.as_str()), ("with a space", "two words")];
    expect::all(keys.map(|(what, key)| {
        let response = keyed(instance, ALICE, operation, key)?.send(instance.service.public)?;
        expect::problem(&format!("{} with a key {what}", operation.name()), &response, 400)
    }))
}

/// kill -9 while requests run; afterwards each key is answered, once and for all.
fn survives_a_kill(subject: &Subject, operation: &Operation) -> Finding {
    let launch = with_a_short_lease(subject, subject.launch("p3-kill")?);
    let mut instance = subject.start(&launch)?;
    // Made before the kill: a caller's credential must last too.
    let requests = (0..KEYS)
        .map(|number| keyed(&instance, ALICE, operation, &format!("probe-p3-kill-{number}")))
        .collect::<Finding<Vec<Request>>>()?;
    let answered = kill_under_load(&mut instance, &requests);

    let instance = subject.start(&launch)?;
    let mut locations = BTreeMap::new();
    for (number, request) in requests.iter().enumerate() {
        let what = format!("{} with a key whose request was killed", operation.name());
        let answer = until_the_key_is_free(&instance, request)?;
        expect::success(&what, &answer)?;
        if let Some(before) = answered.get(&number) {
            expect::same(&format!("{what} after it was answered"), before, &answer)?;
            is_marked_as_replay(&what, &answer)?;
        }
        let again = request.send(instance.service.public)?;
        expect::same(&format!("{what}, and once more"), &answer, &again)?;
        is_marked_as_replay(&what, &again)?;
        locations.insert(number, answer.header("location").map(str::to_owned));
    }
    let effects = effects(&instance, operation)?;
    expect::that(effects.is_none_or(|effects| effects == KEYS), || {
        format!(
            "{}: {KEYS} keys and a kill -9 had {} effects, expected one a key",
            operation.name(),
            effects.unwrap_or_default()
        )
    })
}

fn with_a_short_lease(subject: &Subject, launch: Launch) -> Launch {
    // A lease must be longer than a request may take, and that longer than the wait for a connection.
    let launch = subject.set(launch, "APP__DATABASE__ACQUIRE_TIMEOUT", "1s");
    let launch = subject.set_request_timeout(launch, Duration::from_secs(2));
    subject.set(launch, "APP__IDEMPOTENCY__LEASE", "2500ms")
}

/// Kills the process once about a third of the requests is answered, and returns those answers.
fn kill_under_load(instance: &mut Instance, requests: &[Request]) -> BTreeMap<usize, Response> {
    let to = instance.service.public;
    let (sender, answers) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        for first in 0..SENDERS {
            let sender = sender.clone();
            scope.spawn(move || {
                for (number, request) in requests.iter().enumerate().skip(first).step_by(SENDERS) {
                    // Most fail: that is what a kill does.
                    let Ok(answer) = request.send(to) else { return };
                    let _ = sender.send((number, answer));
                }
            });
        }
        drop(sender);
        let mut answered = BTreeMap::new();
        while let Ok((number, answer)) = answers.recv() {
            answered.insert(number, answer);
            if answered.len() == KEYS / 3 {
                instance.service.kill();
            }
        }
        answered.retain(|_, answer| (200..300).contains(&answer.status));
        answered
    })
}

fn until_the_key_is_free(instance: &Instance, request: &Request) -> Finding<Response> {
    let deadline = Instant::now() + FREED_WITHIN;
    loop {
        let answer = request.send(instance.service.public)?;
        let is_busy = matches!(answer.status, 409 | 503 | 504);
        if !is_busy {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            return Err(format!(
                "{}: the key of a killed request is still taken after {} s ({})",
                request.name(),
                FREED_WITHIN.as_secs(),
                answer.summary()
            ));
        }
        instance.subject.interrupt.check().map_err(|error| error.to_string())?;
        thread::sleep(TICK);
    }
}

/// How many things the caller has, counted in the list that a GET of the same path gives; none where there
/// is no such list. Instances start empty and make fewer than a page.
fn effects(instance: &Instance, operation: &Operation) -> Finding<Option<usize>> {
    let is_list = |other: &&Operation| other.path == operation.path && other.method == "get";
    if instance.subject.claims.operations.iter().find(is_list).is_none() {
        return Ok(None);
    }
    let list = instance.call(ALICE, Request::get(&operation.path))?;
    expect::status(&format!("GET {}", operation.path), &list, 200)?;
    Ok(list.json().as_ref().and_then(length_of_list))
}

fn length_of_list(body: &Value) -> Option<usize> {
    let members = body.as_object().map(|object| object.values()).into_iter().flatten();
    std::iter::once(body).chain(members).find_map(Value::as_array).map(Vec::len)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_bare_or_a_member() {
        assert_eq!(length_of_list(&json!([1, 2])), Some(2));
        assert_eq!(length_of_list(&json!({ "next": "x", "items": [1] })), Some(1));
        assert_eq!(length_of_list(&json!({ "count": 1 })), None);
    }
}
