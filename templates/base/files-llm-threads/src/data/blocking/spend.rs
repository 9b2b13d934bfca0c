//! `data/spend`, for a thread that waits.

use std::time::Duration;

pub use crate::data::spend::*;
use crate::{
    data::{
        connection::{Connection, Transaction},
        error::Error,
        spend as rows,
    },
    threads::wait,
};

/// Sets the amount aside if the caller's day has room for it. The first statement is the lock that lets only one
/// claim of a caller be decided at a time.
pub fn reserve(transaction: &mut Transaction<'_>, claim: &Claim<'_>) -> Result<Reserved, Error> {
    wait(rows::reserve(transaction, claim))
}

/// Puts what was spent in the place of what was reserved; in between it would count as neither. It counts on the
/// day on which it is settled, also when the reservation's time is over. False where it has been settled or
/// released before.
pub fn settle(
    transaction: &mut Transaction<'_>,
    reservation: Reservation,
    spent: &Settlement<'_>,
) -> Result<bool, Error> {
    wait(rows::settle(transaction, reservation, spent))
}

/// Gives the amount back: nothing was spent. False where it has been settled or released before.
pub fn release(connection: &mut Connection, reservation: Reservation) -> Result<bool, Error> {
    wait(rows::release(connection, reservation))
}

pub fn today(connection: &mut Connection, tenant: &str, subject: &str) -> Result<Today, Error> {
    wait(rows::today(connection, tenant, subject))
}

/// What the caller settled on this day, by model, the dearest first.
pub fn by_model(
    connection: &mut Connection,
    tenant: &str,
    subject: &str,
    day: i64,
) -> Result<Vec<OfModel>, Error> {
    wait(rows::by_model(connection, tenant, subject, day))
}

/// Removes up to `limit` rows that ended longer ago than this, and says how many. A reservation that nobody
/// settled is one of them.
pub fn purge(connection: &mut Connection, age: Duration, limit: u32) -> Result<u64, Error> {
    wait(rows::purge(connection, age, limit))
}

/// Removes the sums of days that were over longer ago than this, and says how many.
pub fn purge_days(connection: &mut Connection, age: Duration) -> Result<u64, Error> {
    wait(rows::purge_days(connection, age))
}
