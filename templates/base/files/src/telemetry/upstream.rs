//! What is told of calls to somebody else's services, whichever they are.

use std::sync::LazyLock;

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge},
};

use super::{
    metrics::{counter, meter},
    names::{attribute, metric},
};

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(Instruments::new);

struct Instruments {
    breaker: Gauge<u64>,
    full: Counter<u64>,
    hedges: Counter<u64>,
    retries: Counter<u64>,
}

impl Instruments {
    fn new() -> Self {
        let count = |name, description| counter(name, "{request}", description);
        Self {
            breaker: meter()
                .u64_gauge(metric::UPSTREAM_RESTING)
                .with_description("1 while a service, or a part of it, is left alone.")
                .build(),
            full: count(
                metric::UPSTREAM_FULL,
                "Calls that failed because all places for calls were taken.",
            ),
            hedges: count(
                metric::UPSTREAM_HEDGES,
                "Second requests beside one that took long.",
            ),
            retries: count(metric::UPSTREAM_RETRIES, "Requests after one that failed."),
        }
    }
}

/// How many calls to a service are under way, of the `limit` that may be.
pub fn bulkhead(service: &'static str, limit: u32, used: impl Fn() -> u32 + Send + Sync + 'static) {
    let service = [KeyValue::new(attribute::UPSTREAM, service)];
    let of_limit = service.clone();
    meter()
        .i64_observable_up_down_counter(metric::UPSTREAM_CALLS)
        .with_unit("{call}")
        .with_description("Calls to a service that are under way.")
        .with_callback(move |observer| observer.observe(used().into(), &service))
        .build();
    meter()
        .i64_observable_up_down_counter(metric::UPSTREAM_CALLS_LIMIT)
        .with_unit("{call}")
        .with_description("Calls that may be under way at once.")
        .with_callback(move |observer| observer.observe(limit.into(), &of_limit))
        .build();
}

/// A call found no place.
pub fn was_full(service: &'static str) {
    INSTRUMENTS.full.add(1, &named(service));
}

/// A service is asked again after it failed.
pub fn asked_again(service: &'static str) {
    INSTRUMENTS.retries.add(1, &named(service));
}

/// A service is asked a second time beside the first.
pub fn hedged(service: &'static str) {
    INSTRUMENTS.hedges.add(1, &named(service));
}

/// A service, or a part of it, is left alone from now on, or no longer.
pub fn breaker(service: &'static str, part: &str, is_open: bool) {
    let attributes = [
        KeyValue::new(attribute::UPSTREAM, service),
        KeyValue::new(attribute::UPSTREAM_PART, part.to_owned()),
    ];
    INSTRUMENTS.breaker.record(is_open.into(), &attributes);
}

fn named(service: &'static str) -> [KeyValue; 1] {
    [KeyValue::new(attribute::UPSTREAM, service)]
}
