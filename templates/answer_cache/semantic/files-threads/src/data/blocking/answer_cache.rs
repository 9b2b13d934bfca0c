//! `data/answer_cache`, for a thread that waits.

use std::time::Duration;

use uuid::Uuid;

pub use crate::data::answer_cache::*;
use crate::{
    data::{answer_cache as rows, connection::Connection, error::Error},
    threads::wait,
};

/// The answer to the same question, whoever of the tenant asked it.
pub fn find(connection: &mut Connection, tenant: &str, key: &Key) -> Result<Option<Kept>, Error> {
    wait(rows::find(connection, tenant, key))
}

/// The newest questions that differ from this one in nothing but their words, and that the same caller asked.
pub fn candidates(
    connection: &mut Connection,
    asker: Asker<'_>,
    key: &Key,
    limit: u32,
) -> Result<Vec<Candidate>, Error> {
    wait(rows::candidates(connection, asker, key, limit))
}

/// The answer of a candidate, if it is still there.
pub fn of_candidate(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Kept>, Error> {
    wait(rows::of_candidate(connection, tenant, id))
}

/// Keeps the answer in the place of the one before it. Without its meaning it is found by the same words only.
pub fn keep(
    connection: &mut Connection,
    asker: Asker<'_>,
    key: &Key,
    meaning: Option<&Meaning>,
    answer: &Kept,
    time_to_live: Duration,
) -> Result<(), Error> {
    wait(rows::keep(
        connection,
        asker,
        key,
        meaning,
        answer,
        time_to_live,
    ))
}

/// Removes all but the newest `entries` of the tenant.
pub fn trim(connection: &mut Connection, tenant: &str, entries: u32) -> Result<(), Error> {
    wait(rows::trim(connection, tenant, entries))
}

/// Removes up to `limit` answers whose time is over, and says how many.
pub fn purge(connection: &mut Connection, limit: u32) -> Result<u64, Error> {
    wait(rows::purge(connection, limit))
}
