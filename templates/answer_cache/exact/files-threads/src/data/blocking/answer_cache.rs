//! `data/answer_cache`, for a thread that waits.

use std::time::Duration;

pub use crate::data::answer_cache::*;
use crate::{
    data::{answer_cache as rows, connection::Connection, error::Error},
    threads::wait,
};

/// The answer to the same question.
pub fn find(connection: &mut Connection, tenant: &str, key: &Key) -> Result<Option<Kept>, Error> {
    wait(rows::find(connection, tenant, key))
}

/// Keeps the answer in the place of the one before it.
pub fn keep(
    connection: &mut Connection,
    tenant: &str,
    key: &Key,
    answer: &Kept,
    time_to_live: Duration,
) -> Result<(), Error> {
    wait(rows::keep(connection, tenant, key, answer, time_to_live))
}

/// Removes all but the newest `entries` of the tenant.
pub fn trim(connection: &mut Connection, tenant: &str, entries: u32) -> Result<(), Error> {
    wait(rows::trim(connection, tenant, entries))
}

/// Removes up to `limit` answers whose time is over, and says how many.
pub fn purge(connection: &mut Connection, limit: u32) -> Result<u64, Error> {
    wait(rows::purge(connection, limit))
}
