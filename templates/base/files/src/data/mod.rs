//! Durable state. SQL lives only here, and only here is it known which database answers it.

pub mod cache;
pub mod cache_key;
pub mod connection;
pub mod database;
pub mod dialect;
pub mod documents;
pub mod error;
pub mod idempotency;
pub mod jobs;
pub mod meter;
pub mod migrations;

use std::time::Duration;

/// As rows and statements count time.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
