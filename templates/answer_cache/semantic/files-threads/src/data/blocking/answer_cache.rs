//! `data/answer_cache`, for a thread that waits.

pub mod kept;

use std::time::Duration;

use uuid::Uuid;

pub use crate::data::answer_cache::*;
use crate::{
    data::{answer_cache as rows, connection::Connection, error::Error},
    threads::wait,
};

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
