//! What is told of calls to language models, under the names of OpenTelemetry's conventions for generative AI. They
//! are still being worked on and have moved before, so they stand in this file only. No text of a prompt is
//! recorded unless `APP__LLM__RECORD_PROMPTS` asks for it.

use std::{sync::LazyLock, time::Duration};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram},
};
use tracing::{Span, field::Empty};

use super::{metrics::meter, names::attribute};
use crate::external::llm::{Usage, prices::NanoUsd};

const CACHED_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
const COST: &str = "app.llm.cost";
const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
const IS_ESTIMATED: &str = "app.llm.usage.is_estimated";
const MODEL: &str = "gen_ai.request.model";
const OPERATION: &str = "gen_ai.operation.name";
const OPERATION_DURATION: &str = "gen_ai.client.operation.duration";
const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
const PROVIDER: &str = "gen_ai.provider.name";
const STREAM: &str = "gen_ai.request.stream";
const SYSTEM_INSTRUCTIONS: &str = "gen_ai.system_instructions";
const INPUT_MESSAGES: &str = "gen_ai.input.messages";
const TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
const FIRST_CHUNK: &str = "gen_ai.client.operation.time_to_first_chunk";
const TOKEN_TYPE: &str = "gen_ai.token.type";
const TOKEN_USAGE: &str = "gen_ai.client.token.usage";

/// In seconds, as the conventions advise.
const SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/// As the conventions advise.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(Instruments::new);

struct Instruments {
    cost: Counter<u64>,
    duration: Histogram<f64>,
    first_chunk: Histogram<f64>,
    tokens: Histogram<u64>,
}

impl Instruments {
    fn new() -> Self {
        let meter = meter();
        let seconds = |name, description| {
            let builder = meter.f64_histogram(name).with_unit("s");
            let builder = builder.with_description(description);
            builder.with_boundaries(SECONDS.to_vec()).build()
        };
        Self {
            cost: meter
                .u64_counter(COST)
                .with_unit("{nano_usd}")
                .with_description("What calls to language models cost, in nano-dollars.")
                .build(),
            duration: seconds(
                OPERATION_DURATION,
                "From the request to the last token, or to the failure.",
            ),
            first_chunk: seconds(FIRST_CHUNK, "From the request to the first token."),
            tokens: meter
                .u64_histogram(TOKEN_USAGE)
                .with_unit("{token}")
                .with_description("Tokens of one call, those that came in and those that went out.")
                .with_boundaries(TOKENS.to_vec())
                .build(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Chat,
    Embeddings,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
        }
    }
}

/// The span of one call.
pub fn span(operation: Operation, provider: &'static str, model: &str) -> Span {
    let name = operation.name();
    tracing::info_span!(
        "llm",
        otel.name = format!("{name} {model}"),
        otel.kind = "client",
        otel.status_code = Empty,
        { OPERATION } = name,
        { PROVIDER } = provider,
        { MODEL } = model,
        { STREAM } = operation == Operation::Chat,
        { TIME_TO_FIRST_CHUNK } = Empty,
        { FINISH_REASONS } = Empty,
        { INPUT_TOKENS } = Empty,
        { OUTPUT_TOKENS } = Empty,
        { CACHED_INPUT_TOKENS } = Empty,
        { IS_ESTIMATED } = Empty,
        { COST } = Empty,
        { SYSTEM_INSTRUCTIONS } = Empty,
        { INPUT_MESSAGES } = Empty,
        { attribute::ERROR_TYPE } = Empty,
    )
}

/// The prompt's text; called only where the configuration asks for it.
pub fn prompt(span: &Span, system: &str, user: &str) {
    span.record(SYSTEM_INSTRUCTIONS, system);
    span.record(INPUT_MESSAGES, user);
}

/// The first token is there, after this long.
pub fn first_chunk(span: &Span, provider: &'static str, model: &str, after: Duration) {
    span.record(TIME_TO_FIRST_CHUNK, after.as_secs_f64());
    let attributes = attributes(Operation::Chat, provider, model);
    INSTRUMENTS
        .first_chunk
        .record(after.as_secs_f64(), &attributes);
}

/// Why the model said no more.
pub fn finished(span: &Span, reason: &str) {
    span.record(FINISH_REASONS, reason);
}

/// A call that is over, however it ended.
#[derive(Debug)]
pub struct Call<'a> {
    pub operation: Operation,
    pub provider: &'static str,
    pub model: &'a str,
    pub error: Option<&'static str>,
    pub duration: Duration,
    pub usage: Usage,
    pub cost: NanoUsd,
}

pub fn called(span: &Span, call: &Call<'_>) {
    let usage = call.usage;
    span.record(INPUT_TOKENS, usage.input_tokens);
    span.record(OUTPUT_TOKENS, usage.output_tokens);
    span.record(CACHED_INPUT_TOKENS, usage.cached_input_tokens);
    span.record(IS_ESTIMATED, usage.is_estimated);
    span.record(COST, call.cost.0);
    if let Some(error) = call.error {
        span.record(attribute::ERROR_TYPE, error);
        span.record("otel.status_code", "ERROR");
    }
    let mut attributes = Vec::with_capacity(4);
    attributes.extend(self::attributes(call.operation, call.provider, call.model));
    let tokens = [
        ("input", usage.input_tokens),
        ("output", usage.output_tokens),
    ];
    for (kind, count) in tokens {
        attributes.push(KeyValue::new(TOKEN_TYPE, kind));
        INSTRUMENTS.tokens.record(count, &attributes);
        attributes.pop();
    }
    INSTRUMENTS.cost.add(call.cost.0, &attributes);
    attributes.extend(
        call.error
            .map(|error| KeyValue::new(attribute::ERROR_TYPE, error)),
    );
    let seconds = call.duration.as_secs_f64();
    INSTRUMENTS.duration.record(seconds, &attributes);
}

fn attributes(operation: Operation, provider: &'static str, model: &str) -> [KeyValue; 3] {
    [
        KeyValue::new(OPERATION, operation.name()),
        KeyValue::new(PROVIDER, provider),
        KeyValue::new(MODEL, model.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::{Arc, Mutex},
    };

    use opentelemetry::trace::{SpanKind, Status, TracerProvider as _};
    use opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{SdkTracerProvider, SpanData, SpanExporter},
    };
    use tracing_subscriber::{Registry, layer::SubscriberExt as _};

    use super::*;

    /// Keeps the spans that ended.
    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().expect("no panic").extend(batch);
            Ok(())
        }
    }

    /// The span that `work` makes.
    fn recorded(work: impl FnOnce()) -> SpanData {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(kept.clone())
            .build();
        let traced = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(Registry::default().with(traced), work);
        let mut spans = kept.0.lock().expect("no panic");
        assert_eq!(spans.len(), 1);
        spans.remove(0)
    }

    fn attributes_of(span: &SpanData) -> BTreeMap<&str, String> {
        let attributes = span.attributes.iter();
        attributes
            .map(|attribute| (attribute.key.as_str(), attribute.value.to_string()))
            .collect()
    }

    fn call(error: Option<&'static str>) {
        let span = span(Operation::Chat, "openai", "small");
        first_chunk(&span, "openai", "small", Duration::from_millis(250));
        called(
            &span,
            &Call {
                operation: Operation::Chat,
                provider: "openai",
                model: "small",
                error,
                duration: Duration::from_secs(1),
                usage: Usage {
                    input_tokens: 7,
                    output_tokens: 3,
                    cached_input_tokens: 2,
                    is_estimated: error.is_some(),
                },
                cost: NanoUsd(1_250),
            },
        );
    }

    /// The names are those of the conventions: dashboards of others know them.
    #[test]
    fn a_call_is_a_client_span_with_its_tokens_and_its_price() {
        let span = recorded(|| call(None));
        assert_eq!(
            (span.name.as_ref(), span.span_kind.clone()),
            ("chat small", SpanKind::Client)
        );
        assert_eq!(span.status, Status::Unset);
        let attributes = attributes_of(&span);
        for (name, value) in [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.request.model", "small"),
            ("gen_ai.request.stream", "true"),
            ("gen_ai.response.time_to_first_chunk", "0.25"),
            ("gen_ai.usage.input_tokens", "7"),
            ("gen_ai.usage.output_tokens", "3"),
            ("gen_ai.usage.cache_read.input_tokens", "2"),
            ("app.llm.usage.is_estimated", "false"),
            ("app.llm.cost", "1250"),
        ] {
            assert_eq!(
                attributes.get(name).map(String::as_str),
                Some(value),
                "{name}"
            );
        }
        assert!(!attributes.contains_key("gen_ai.input.messages"));
    }

    #[test]
    fn a_call_that_was_left_is_counted_too() {
        let span = recorded(|| call(Some("cancelled")));
        assert!(
            matches!(span.status, Status::Error { .. }),
            "{:?}",
            span.status
        );
        let attributes = attributes_of(&span);
        assert_eq!(attributes["error.type"], "cancelled");
        assert_eq!(attributes["app.llm.usage.is_estimated"], "true");
        assert_eq!(attributes["gen_ai.usage.output_tokens"], "3");
    }
}
