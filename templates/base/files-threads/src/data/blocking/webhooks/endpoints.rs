//! `data/webhooks/endpoints`, for a thread that waits.

use std::time::Duration;

use uuid::Uuid;

pub use crate::data::webhooks::endpoints::*;
use crate::{
    data::{connection::Connection, error::Error, webhooks::endpoints as rows},
    threads::wait,
};

/// Adds the endpoint; false where the tenant has one with this URL.
pub fn insert(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    url: &str,
    secret: &[u8],
) -> Result<bool, Error> {
    wait(rows::insert(connection, tenant, id, url, secret))
}

pub fn find(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Endpoint>, Error> {
    wait(rows::find(connection, tenant, id))
}

/// The tenant's endpoint with one of these URLs, the longest first.
pub fn find_by_url(
    connection: &mut Connection,
    tenant: &str,
    urls: [&str; 2],
) -> Result<Option<Endpoint>, Error> {
    wait(rows::find_by_url(connection, tenant, urls))
}

/// The page of up to `limit` endpoints after `after`, oldest first.
pub fn page(
    connection: &mut Connection,
    tenant: &str,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Endpoint>, Error> {
    wait(rows::page(connection, tenant, after, limit))
}

/// Removes the endpoint and its deliveries; false when there was none.
pub fn remove(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<bool, Error> {
    wait(rows::remove(connection, tenant, id))
}

/// Forgets all failures; false when there is no such endpoint.
pub fn enable(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<bool, Error> {
    wait(rows::enable(connection, tenant, id))
}

pub fn secrets(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Secrets>, Error> {
    wait(rows::secrets(connection, tenant, id))
}

/// Puts `secret` in place of the one that is there, which stays good for the time of `overlap`; false while the
/// one before that is still good, or when there is no such endpoint.
pub fn rotate(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    secret: &[u8],
    overlap: Duration,
) -> Result<bool, Error> {
    wait(rows::rotate(connection, tenant, id, secret, overlap))
}

/// It took a delivery; whether it had failed before.
pub fn worked(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<bool, Error> {
    wait(rows::worked(connection, tenant, id))
}

/// It did not take a delivery. That disables it if it is gone, or has only failed for `longest`; then, why.
pub fn failed(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    is_gone: bool,
    longest: Duration,
) -> Result<Option<Disabled>, Error> {
    wait(rows::failed(connection, tenant, id, is_gone, longest))
}
