//! What Redis is good for, and how often it did not do it.

use std::sync::LazyLock;

use opentelemetry::{KeyValue, metrics::Counter};

use super::{metrics::counter, names::attribute};
use crate::external::resilience::Error;

const FAILURES: &str = "app.redis.failures";
const READS: &str = "app.cache.reads";
const OUTCOME: &str = "app.cache.outcome";

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(Instruments::new);

struct Instruments {
    failures: Counter<u64>,
    reads: Counter<u64>,
}

impl Instruments {
    fn new() -> Self {
        Self {
            failures: counter(
                FAILURES,
                "{call}",
                "Calls of Redis that failed, by the reason.",
            ),
            reads: counter(
                READS,
                "{read}",
                "Reads of the cache, by whether the value was there.",
            ),
        }
    }
}

/// A call failed.
pub fn failed(error: &Error) {
    let reason = KeyValue::new(attribute::ERROR_TYPE, error.kind());
    INSTRUMENTS.failures.add(1, &[reason]);
}

/// A value was looked for, and was there or not.
pub fn read(is_hit: bool) {
    let outcome = if is_hit { "hit" } else { "miss" };
    INSTRUMENTS.reads.add(1, &[KeyValue::new(OUTCOME, outcome)]);
}
