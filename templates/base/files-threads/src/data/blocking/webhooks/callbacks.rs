//! `data/webhooks/callbacks`, for a thread that waits.

use uuid::Uuid;

pub use crate::data::webhooks::callbacks::*;
use crate::{
    data::{connection::Connection, error::Error, webhooks::callbacks as rows},
    threads::wait,
};

/// Has the endpoint told of the job's end, unless it was removed meanwhile.
pub fn insert(
    connection: &mut Connection,
    tenant: &str,
    job: Uuid,
    endpoint: Uuid,
    url: &str,
) -> Result<(), Error> {
    wait(rows::insert(connection, tenant, job, endpoint, url))
}
