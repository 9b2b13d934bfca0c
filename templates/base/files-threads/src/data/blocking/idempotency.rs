//! `data/idempotency`, for a thread that waits.

use uuid::Uuid;

pub use crate::data::idempotency::*;
use crate::{
    data::{connection::Connection, error::Error, idempotency as rows},
    threads::wait,
};

/// Takes the key if it is free: never used, expired, or claimed by the same request whose lease ended.
pub fn claim(connection: &mut Connection, claim: &Claim<'_>) -> Result<bool, Error> {
    wait(rows::claim(connection, claim))
}

pub fn find(connection: &mut Connection, scope: &Scope) -> Result<Option<Existing>, Error> {
    wait(rows::find(connection, scope))
}

/// Stores the answer in the transaction of its effect; false when the claim was lost meanwhile.
pub fn complete(
    connection: &mut Connection,
    scope: &Scope,
    token: Uuid,
    answer: &Answer<'_>,
) -> Result<bool, Error> {
    wait(rows::complete(connection, scope, token, answer))
}

/// Gives the key back: the work had no effect, so it may be tried again at once.
pub fn release(connection: &mut Connection, scope: &Scope, token: Uuid) -> Result<(), Error> {
    wait(rows::release(connection, scope, token))
}

/// Removes up to `limit` keys whose time is over, and says how many. One that is claimed anew meanwhile stays.
pub fn purge(connection: &mut Connection, limit: u32) -> Result<u64, Error> {
    wait(rows::purge(connection, limit))
}
