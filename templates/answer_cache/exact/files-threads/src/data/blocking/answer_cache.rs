//! `data/answer_cache`, for a thread that waits.

pub mod kept;

use std::time::Duration;

pub use crate::data::answer_cache::*;
use crate::{
    data::{answer_cache as rows, connection::Connection, error::Error},
    threads::wait,
};

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
