//! P8: what an answer costs is counted as the provider counts it, told, and bounded for each caller.

use std::time::Duration;

use serde_json::Value;

use super::{
    Finding,
    asking::{Asking, SOON, prepare, question},
    both,
    claims::Operation,
    dialect::TOKENS,
    expect,
    otlp::{Behaviour, Receiver, exporting},
    subject::{Caller, Subject},
};

const METRIC: &[u8] = b"gen_ai.client.token.usage";
const ARRIVES: Duration = Duration::from_secs(8);
const LIMIT: &str = "APP__SPEND__LIMIT_PER_DAY";
const KEPT_FOR: &str = "APP__ANSWER_CACHE__TIME_TO_LIVE";
/// A few answers' worth, whatever the usual price of the model.
const DOLLARS: &str = "0.02";
/// A caller that may still ask after so many answers has no limit.
const MOST: usize = 60;

pub fn check(subject: &Subject) -> Finding {
    expect::all(
        subject
            .claims
            .of("P8")
            .map(|operation| both(|| is_limited(subject, operation), || is_counted(subject, operation))),
    )
}

fn is_counted(subject: &Subject, operation: &Operation) -> Finding {
    let receiver = Receiver::start(Behaviour::Answers)?;
    let (upstream, launch) = prepare(subject, "p8", &[])?;
    let launch = exporting(launch, &receiver).with("OTEL_METRIC_EXPORT_INTERVAL", "500");
    let asking = Asking::behind(upstream, subject, operation, &launch)?;
    let answer = asking.ask()?;
    let what = operation.name();
    expect::success(&what, &answer)?;
    let usage = answer.json().map(|body| body["usage"].clone()).unwrap_or_default();
    let arrived = receiver.wait_for("/v1/metrics", METRIC, ARRIVES);
    expect::all([
        is_the_providers(&what, &usage),
        expect::that(arrived, || {
            let metric = String::from_utf8_lossy(METRIC);
            format!("{what}: no metric {metric} came within {} s", ARRIVES.as_secs())
        }),
        is_told_last(&asking),
    ])
}

fn is_the_providers(what: &str, usage: &Value) -> Finding {
    let (input, output) = TOKENS;
    expect::that(usage["input_tokens"] == input && usage["output_tokens"] == output, || {
        format!(
            "{what}: the usage is {usage}, expected the provider's input_tokens {input} and output_tokens {output}"
        )
    })
}

fn is_told_last(asking: &Asking) -> Finding {
    if !asking.operation.promises.contains("P4") {
        return Ok(());
    }
    let events = asking.stream()?.until("usage", SOON)?;
    let usage = events.last().map(|event| event.json()).unwrap_or_default();
    is_the_providers(&format!("{} for text/event-stream", asking.operation.name()), &usage)
}

fn is_limited(subject: &Subject, operation: &Operation) -> Finding {
    if !subject.has(LIMIT) {
        return Ok(());
    }
    // What was answered before costs nothing, so nothing is to be kept.
    let variables = [(LIMIT, DOLLARS), (KEPT_FOR, "1ms")];
    let asking = Asking::start(subject, operation, "p8-limit", &variables)?;
    let (spender, other) = (Caller::stranger(), Caller::stranger());
    let ask = |caller| {
        let request = question(&asking.instance, operation, caller)?;
        request.without("idempotency-key").send(asking.address())
    };
    expect::success(&operation.name(), &ask(spender)?)?;
    let what = format!("{} again and again, with {LIMIT}", operation.name());
    for _ in 0..MOST {
        let answer = ask(spender)?;
        if answer.status == 429 {
            expect::problem(&what, &answer, 429)?;
            expect::header(&what, &answer, "retry-after")?;
            return expect::success(&format!("{what}, by another caller"), &ask(other)?);
        }
        expect::success(&what, &answer)?;
    }
    Err(format!("{what}: {MOST} answers and no end, expected 429"))
}
