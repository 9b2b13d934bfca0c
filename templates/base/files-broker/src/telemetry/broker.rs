//! What waits for the broker, and what came by it.

use std::{sync::LazyLock, time::Duration};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge},
};

use super::metrics::{counter, meter};
use crate::data::outbox::Depth;

const OUTBOX: &str = "app.outbox.messages";
const OUTBOX_OLDEST: &str = "app.outbox.oldest";
const OUTBOX_STATE: &str = "app.outbox.state";
const RELAY_FAILURES: &str = "app.relay.failures";
const INBOX: &str = "app.inbox.messages";
const LAID_ASIDE: &str = "app.inbox.laid_aside";

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(Instruments::new);

struct Instruments {
    outbox: Gauge<i64>,
    outbox_oldest: Gauge<f64>,
    relay_failures: Counter<u64>,
    inbox: Counter<u64>,
    laid_aside: Counter<u64>,
}

impl Instruments {
    fn new() -> Self {
        let meter = meter();
        Self {
            outbox: meter
                .i64_gauge(OUTBOX)
                .with_unit("{message}")
                .with_description("Messages that wait for the broker or that it refuses, as a worker last counted them.")
                .build(),
            outbox_oldest: meter
                .f64_gauge(OUTBOX_OLDEST)
                .with_unit("s")
                .with_description("How long the first of the waiting messages has waited.")
                .build(),
            relay_failures: counter(
                RELAY_FAILURES,
                "{attempt}",
                "Attempts to relay messages that failed.",
            ),
            inbox: counter(
                INBOX,
                "{message}",
                "Messages of other services that were taken, repetitions among them.",
            ),
            laid_aside: counter(
                LAID_ASIDE,
                "{message}",
                "Messages of other services that could not be taken.",
            ),
        }
    }
}

/// How much waits, and how long the first of it.
pub fn outbox(depth: &Depth) {
    for (state, count) in [("waiting", depth.waiting), ("refused", depth.refused)] {
        let state = KeyValue::new(OUTBOX_STATE, state);
        INSTRUMENTS.outbox.record(count, &[state]);
    }
    let oldest = Duration::from_millis(u64::try_from(depth.oldest).unwrap_or_default());
    INSTRUMENTS.outbox_oldest.record(oldest.as_secs_f64(), &[]);
}

pub fn relay_failed() {
    INSTRUMENTS.relay_failures.add(1, &[]);
}

/// A message came in, now or before.
pub fn taken() {
    INSTRUMENTS.inbox.add(1, &[]);
}

/// A message was laid aside.
pub fn laid_aside() {
    INSTRUMENTS.laid_aside.add(1, &[]);
}
