//! `data/answers`, for a thread that waits.

use std::time::Duration;

use uuid::Uuid;

pub use crate::data::answers::*;
use crate::{
    data::{answers as rows, connection::Connection, error::Error},
    threads::wait,
};

/// Adds an answer that is being made.
pub fn insert(
    connection: &mut Connection,
    tenant: &str,
    lease: Lease,
    length: Duration,
) -> Result<(), Error> {
    wait(rows::insert(connection, tenant, lease, length))
}

pub fn find(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<Option<Answer>, Error> {
    wait(rows::find(connection, tenant, id))
}

/// The events after the one with this number, in their order.
pub fn events(
    connection: &mut Connection,
    id: Uuid,
    after: i64,
    limit: u32,
) -> Result<Vec<Stored>, Error> {
    wait(rows::events(connection, id, after, limit))
}

/// The numbers of its first and of its last event; none where there are no events.
pub fn span(connection: &mut Connection, id: Uuid) -> Result<Option<(i64, i64)>, Error> {
    wait(rows::span(connection, id))
}

/// Ends an answer whose lease ran out: whoever made it is dead. `problem` becomes its result and, in one transaction
/// with that, its last event. False when there is no such answer.
pub fn give_up(connection: &mut Connection, id: Uuid, problem: &str) -> Result<bool, Error> {
    wait(rows::give_up(connection, id, problem))
}

/// Up to `limit` answers whose lease ran out.
pub fn orphans(connection: &mut Connection, limit: u32) -> Result<Vec<Uuid>, Error> {
    wait(rows::orphans(connection, limit))
}

/// Removes up to `limit` events of answers that ended longer ago than this, and says how many.
pub fn purge_events(connection: &mut Connection, age: Duration, limit: u32) -> Result<u64, Error> {
    wait(rows::purge_events(connection, age, limit))
}

/// Removes up to `limit` answers that ended longer ago than this, and says how many.
pub fn purge(connection: &mut Connection, age: Duration, limit: u32) -> Result<u64, Error> {
    wait(rows::purge(connection, age, limit))
}
