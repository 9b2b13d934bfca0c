//! How well the cores turn.

use std::sync::LazyLock;

use opentelemetry::{KeyValue, metrics::Counter};

use super::metrics::meter;

const CORE: &str = "app.core";
const STALLS: &str = "app.core.stalls";

static STALLED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter(STALLS)
        .with_unit("{stall}")
        .with_description("Times that a core was held for too long, by whatever ran on it.")
        .build()
});

/// This core was held for too long.
pub fn stalled(core: usize) {
    let core = KeyValue::new(CORE, i64::try_from(core).unwrap_or(i64::MAX));
    STALLED.add(1, &[core]);
}
