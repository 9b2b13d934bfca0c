//! `data/jobs/desk`, for a thread that waits.

use std::time::Duration;

use uuid::Uuid;

pub use crate::data::jobs::desk::*;
use crate::{
    data::{
        connection::Connection,
        error::Error,
        jobs::{Job, State, desk as rows},
    },
    threads::wait,
};

pub fn find(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<Option<Job>, Error> {
    wait(rows::find(connection, tenant, id))
}

/// Cancels the job if it has not ended: at once while it is queued; one that runs is told, and its worker
/// ends it. False when there is no such job, or it has ended.
pub fn cancel(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<bool, Error> {
    wait(rows::cancel(connection, tenant, id))
}

/// Removes up to `limit` jobs that ended longer ago than this, and says how many. One that is redriven meanwhile stays.
pub fn purge(
    connection: &mut Connection,
    state: State,
    age: Duration,
    limit: u32,
) -> Result<u64, Error> {
    wait(rows::purge(connection, state, age, limit))
}
