//! How often a handler held up others.

use std::sync::LazyLock;

use opentelemetry::{KeyValue, metrics::Counter};

use super::{metrics::meter, names::attribute};

const STALLS: &str = "app.requests.stalls";

static STALLED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter(STALLS)
        .with_unit("{stall}")
        .with_description("Times that a handler held its thread for too long.")
        .build()
});

/// A handler of this route held its thread for too long.
pub fn stalled(route: &str) {
    STALLED.add(1, &[KeyValue::new(attribute::ROUTE, route.to_owned())]);
}
