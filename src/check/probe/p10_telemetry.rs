//! P10: what happens is told to the collector, in the caller's trace, without the caller's secrets; and a
//! collector that is ill makes nobody else ill.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Finding, both,
    claims::Operation,
    client::{Request, Response},
    expect,
    otlp::{Behaviour, Receiver, exporting},
    subject::{ALICE, Instance, Subject},
};

/// With the shortened schedules, telemetry is there at once.
const ARRIVES: Duration = Duration::from_secs(8);
/// A request that waited for a collector would take the exporter's timeout.
const PROMPT: Duration = Duration::from_secs(2);
/// Drain, and a flush that gives up on a collector.
const LEAVE: Duration = Duration::from_secs(15);
/// A text as short as this is found by chance.
const SHORTEST_SECRET: usize = 6;

pub fn check(subject: &Subject) -> Finding {
    both(|| survives_a_hanging_collector(subject), || expect::all([tells(subject), flushes(subject)]))
}

fn tells(subject: &Subject) -> Finding {
    let receiver = Receiver::start(Behaviour::Answers)?;
    let launch = exporting(subject.launch("p10")?, &receiver)
        .with("OTEL_BSP_SCHEDULE_DELAY", "100")
        .with("OTEL_BLRP_SCHEDULE_DELAY", "100")
        .with("OTEL_METRIC_EXPORT_INTERVAL", "500");
    let mut instance = subject.start(&launch)?;
    let trace = TraceId::new();
    let request = traced(&instance, &trace)?;
    let answer = request.send(instance.service.public)?;
    is_answered(&instance, &request.name(), &answer)?;
    let arrived = receiver.wait_for("/v1/traces", &trace.bytes(), ARRIVES);
    instance.service.stop(LEAVE)?;
    expect::all([
        expect::that(arrived, || {
            format!(
                "no span with the trace id of a request's traceparent came within {} s",
                ARRIVES.as_secs()
            )
        }),
        tells_no_secret(&receiver, &request, busiest(subject)),
    ])
}

/// What is still queued leaves with the process: the schedules are too long for it to have left before.
fn flushes(subject: &Subject) -> Finding {
    let receiver = Receiver::start(Behaviour::Answers)?;
    let launch = exporting(subject.launch("p10-flush")?, &receiver)
        .with("OTEL_BSP_SCHEDULE_DELAY", "60000")
        .with("OTEL_METRIC_EXPORT_INTERVAL", "60000");
    let mut instance = subject.start(&launch)?;
    let trace = TraceId::new();
    let request = traced(&instance, &trace)?;
    request.send(instance.service.public)?;
    instance.service.stop(LEAVE)?;
    let has_metrics =
        receiver.exports().iter().any(|export| export.path == "/v1/metrics" && !export.body.is_empty());
    expect::all([
        expect::that(receiver.has("/v1/traces", &trace.bytes()), || {
            "the last request's span never came: spans are not flushed before the process ends".to_owned()
        }),
        expect::that(has_metrics, || "no metrics came, not even when the process ended".to_owned()),
    ])
}

/// A POST with a body to look for, or any operation that has a plain path, or none: then a path that leads
/// nowhere, which is a request all the same.
fn busiest<'a>(subject: &'a Subject<'_>) -> Option<&'a Operation> {
    let operations = &subject.claims.operations;
    let with_body =
        operations.iter().find(|operation| operation.method == "post" && operation.example.is_some());
    let plain =
        || operations.iter().find(|operation| operation.method == "get" && !operation.has_parameters());
    with_body.or_else(plain)
}

fn traced(instance: &Instance, trace: &TraceId) -> Finding<Request> {
    let request = match busiest(instance.subject) {
        Some(operation) if operation.example.is_some() => instance.example(operation)?,
        Some(operation) => Request::new(&operation.method, &operation.path),
        None => Request::get("/probe/unknown"),
    };
    instance.with_credential(ALICE, request.header("traceparent", trace.traceparent()))
}

/// Where there is an operation it succeeds; a path that leads nowhere is answered too.
fn is_answered(instance: &Instance, what: &str, answer: &Response) -> Finding {
    match busiest(instance.subject) {
        Some(_) => expect::success(what, answer),
        None => expect::status(what, answer, 404),
    }
}

fn tells_no_secret(receiver: &Receiver, request: &Request, operation: Option<&Operation>) -> Finding {
    let credential = request.headers.iter().filter(|(name, _)| {
        name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("cookie")
    });
    let mut secrets: Vec<(&str, String)> = credential
        .map(|(_, value)| {
            ("the caller's credential", value.split(' ').next_back().unwrap_or(value).to_owned())
        })
        .collect();
    let example = operation.and_then(|operation| operation.example.as_ref());
    texts(example.unwrap_or(&Value::Null), &mut |text| {
        secrets.push(("text of the request's body", text.to_owned()));
    });
    let exports = receiver.exports();
    let told = |secret: &str| {
        exports.iter().find(|export| super::client::find(&export.body, secret.as_bytes()).is_some())
    };
    expect::all(secrets.iter().filter(|(_, secret)| secret.len() >= SHORTEST_SECRET).map(|(what, secret)| {
        told(secret).map_or(Ok(()), |export| {
            Err(format!("{what} is in what was sent to {}, expected it nowhere", export.path))
        })
    }))
}

fn texts(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, each)),
        Value::Object(members) => members.values().for_each(|member| texts(member, each)),
        _ => {}
    }
}

fn survives_a_hanging_collector(subject: &Subject) -> Finding {
    let receiver = Receiver::start(Behaviour::Hangs)?;
    let launch = exporting(subject.launch("p10-hangs")?, &receiver).with("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut instance = subject.start(&launch)?;
    for _ in 0..5 {
        let request = traced(&instance, &TraceId::new())?;
        let started = Instant::now();
        let answer = request.send(instance.service.public)?;
        let what = format!("{} while the collector hangs", request.name());
        is_answered(&instance, &what, &answer)?;
        expect::that(started.elapsed() < PROMPT, || {
            format!("{what}: it took {} ms", started.elapsed().as_millis())
        })?;
    }
    instance.service.stop(LEAVE).map_err(|error| format!("while the collector hangs: {error}"))
}

/// W3C trace context. Ids must differ between requests, not be hard to guess.
struct TraceId(u128);

impl TraceId {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(
            0x4f0f_6d77_0c0d_e5a1_0000_0000_0000_0000
                | u128::from(number) << 8
                | u128::from(std::process::id()) << 32,
        )
    }

    fn bytes(&self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    fn traceparent(&self) -> String {
        format!("00-{:032x}-00f067aa0ba902b7-01", self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn trace_ids_differ_and_are_well_formed() {
        let (first, second) = (TraceId::new(), TraceId::new());
        assert_ne!(first.bytes(), second.bytes());
        let text = first.traceparent();
        assert_eq!(text.len(), 55);
        assert!(text.starts_with("00-4f0f6d770c0de5a1"), "{text}");
    }

    #[test]
    fn texts_are_found_at_every_depth() {
        let mut found = Vec::new();
        texts(&json!({ "a": "one", "b": [{ "c": "two" }, 3] }), &mut |text| found.push(text.to_owned()));
        assert_eq!(found, ["one", "two"]);
    }
}
