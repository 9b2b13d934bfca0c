//! `data/jobs/rests`, for a thread that waits.

use std::time::Duration;

use uuid::Uuid;

pub use crate::data::jobs::rests::*;
use crate::{
    data::{connection::Connection, error::Error, jobs::rests as rows},
    threads::wait,
};

/// Counts a failure, unless it ends during a rest: what was under way when that began says nothing new. Gives how many
/// there are by now.
pub fn failed(connection: &mut Connection, kind: &str, key: Uuid) -> Result<i64, Error> {
    wait(rows::failed(connection, kind, key))
}

/// Begins a rest where one has failed, if it does not rest for longer already.
pub fn begin(
    connection: &mut Connection,
    kind: &str,
    key: Uuid,
    rest: Duration,
) -> Result<(), Error> {
    wait(rows::begin(connection, kind, key, rest))
}

/// Forgets the failures. A rest goes on: what succeeds now may have been under way when it began.
pub fn worked(connection: &mut Connection, kind: &str, key: Uuid) -> Result<(), Error> {
    wait(rows::worked(connection, kind, key))
}

/// Ends the rest and forgets the failures.
pub fn end(connection: &mut Connection, kind: &str, key: Uuid) -> Result<(), Error> {
    wait(rows::end(connection, kind, key))
}

/// Forgets failures whose rest ended longer ago than this.
pub fn purge(connection: &mut Connection, age: Duration) -> Result<u64, Error> {
    wait(rows::purge(connection, age))
}
