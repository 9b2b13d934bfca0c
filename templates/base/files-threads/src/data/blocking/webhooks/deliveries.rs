//! `data/webhooks/deliveries`, for a thread that waits.

use uuid::Uuid;

pub use crate::data::webhooks::deliveries::*;
use crate::{
    data::{connection::Connection, error::Error, webhooks::deliveries as rows},
    threads::wait,
};

pub fn due(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<Option<Due>, Error> {
    wait(rows::due(connection, tenant, id))
}

/// Keeps what came of an attempt: no status where there was no answer.
pub fn answered(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    answer: Option<(u16, &str)>,
) -> Result<(), Error> {
    wait(rows::answered(connection, tenant, id, answer))
}

/// The page of up to `limit` deliveries to an endpoint before `before`, the newest first.
pub fn page(
    connection: &mut Connection,
    tenant: &str,
    endpoint: Uuid,
    before: Uuid,
    limit: u32,
) -> Result<Vec<Delivery>, Error> {
    wait(rows::page(connection, tenant, endpoint, before, limit))
}
