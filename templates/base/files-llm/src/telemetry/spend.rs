//! What requests cost, by what they were for. Not by caller: there are too many, and the database knows.

use std::sync::LazyLock;

use opentelemetry::{KeyValue, metrics::Counter};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{gen_ai::Operation, metrics::meter, names::attribute};
use crate::external::llm::prices::NanoUsd;

const MODEL: &str = "gen_ai.request.model";
const REFUSED: &str = "app.spend.refused";
const SPENT: &str = "app.spend";
/// On a span it stands beside what the answer cost.
const SPENT_ON_EMBEDDINGS: &str = "app.spend.embeddings";

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(Instruments::new);

struct Instruments {
    refused: Counter<u64>,
    spent: Counter<u64>,
}

impl Instruments {
    fn new() -> Self {
        let meter = meter();
        Self {
            refused: meter
                .u64_counter(REFUSED)
                .with_unit("{request}")
                .with_description("Requests answered 429 because their caller had spent its limit.")
                .build(),
            spent: meter
                .u64_counter(SPENT)
                .with_unit("{nano_usd}")
                .with_description("What was settled for calls of models, in nano-dollars.")
                .build(),
        }
    }
}

/// A call was settled at this cost.
pub fn settled(operation: Operation, route: &'static str, model: &str, cost: NanoUsd) {
    let name = match operation {
        Operation::Chat => SPENT,
        Operation::Embeddings => SPENT_ON_EMBEDDINGS,
    };
    let cost_on_span = i64::try_from(cost.0).unwrap_or(i64::MAX);
    Span::current().set_attribute(name, cost_on_span);
    let attributes = [
        KeyValue::new(attribute::ROUTE, route),
        KeyValue::new(MODEL, model.to_owned()),
    ];
    INSTRUMENTS.spent.add(cost.0, &attributes);
}

/// A caller was told to come back tomorrow.
pub fn refused(route: &'static str) {
    let route = KeyValue::new(attribute::ROUTE, route);
    INSTRUMENTS.refused.add(1, &[route]);
}
