//! `data/answer_cache/kept`, for a thread that waits.

pub use crate::data::answer_cache::kept::*;
use crate::{
    data::{
        answer_cache::{Key, kept as rows},
        connection::Connection,
        error::Error,
    },
    threads::wait,
};

/// The answer to the same question, whoever of the tenant asked it.
pub fn find(connection: &mut Connection, tenant: &str, key: &Key) -> Result<Option<Kept>, Error> {
    wait(rows::find(connection, tenant, key))
}

/// Removes all but the newest `entries` of the tenant.
pub fn trim(connection: &mut Connection, tenant: &str, entries: u32) -> Result<(), Error> {
    wait(rows::trim(connection, tenant, entries))
}

/// Removes up to `limit` answers whose time is over, and says how many.
pub fn purge(connection: &mut Connection, limit: u32) -> Result<u64, Error> {
    wait(rows::purge(connection, limit))
}
