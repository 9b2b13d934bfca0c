//! How often the model was spared.

use std::sync::LazyLock;

use opentelemetry::{KeyValue, metrics::Counter};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::metrics::meter;

/// Not to be taken for `gen_ai.usage.cache_read`: that is what the provider had in a cache of its own.
const LOOKUPS: &str = "app.answer_cache.lookups";
const OUTCOME: &str = "app.answer_cache.outcome";

static LOOKED_UP: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter(LOOKUPS)
        .with_unit("{lookup}")
        .with_description("Questions, by whether there was an answer already.")
        .build()
});

/// A question was looked up, and this came of it.
pub fn looked_up(outcome: &'static str) {
    Span::current().set_attribute(OUTCOME, outcome);
    LOOKED_UP.add(1, &[KeyValue::new(OUTCOME, outcome)]);
}
