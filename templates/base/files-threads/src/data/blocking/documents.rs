//! `data/documents`, for a thread that waits.

use uuid::Uuid;

pub use crate::data::documents::*;
use crate::{
    data::{connection::Connection, documents as rows, error::Error},
    threads::wait,
};

pub fn insert(connection: &mut Connection, tenant: &str, document: &Document) -> Result<(), Error> {
    wait(rows::insert(connection, tenant, document))
}

pub fn find(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Document>, Error> {
    wait(rows::find(connection, tenant, id))
}

/// The page of up to `limit` documents after `after`, oldest first. Ids are UUIDv7: their order is total, and
/// that of creation but for milliseconds and the clocks of instances. Who pages while others write may miss
/// what commits behind them.
pub fn page(
    connection: &mut Connection,
    tenant: &str,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Summary>, Error> {
    wait(rows::page(connection, tenant, after, limit))
}

/// The texts of up to `limit` documents after `after`, oldest first.
pub fn texts(
    connection: &mut Connection,
    tenant: &str,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Text>, Error> {
    wait(rows::texts(connection, tenant, after, limit))
}

/// Stores `document` over the version before it; false when that is no longer the current one.
pub fn replace(
    connection: &mut Connection,
    tenant: &str,
    document: &Document,
) -> Result<bool, Error> {
    wait(rows::replace(connection, tenant, document))
}

/// Removes the document, of this version or of any; false when there was none.
pub fn remove(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    version: Option<i64>,
) -> Result<bool, Error> {
    wait(rows::remove(connection, tenant, id, version))
}

pub fn usage(connection: &mut Connection, tenant: &str) -> Result<Usage, Error> {
    wait(rows::usage(connection, tenant))
}
