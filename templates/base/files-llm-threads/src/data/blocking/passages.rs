//! `data/passages`, for a thread that waits.

use uuid::Uuid;

pub use crate::data::passages::*;
use crate::{
    data::{connection::Connection, error::Error, passages as rows},
    threads::wait,
};

/// The first `longest` characters of those of these documents that the tenant has. More than `MOST_NAMED` are not
/// looked at.
pub fn named(
    connection: &mut Connection,
    tenant: &str,
    named: &[Uuid],
    longest: u32,
) -> Result<Vec<Passage>, Error> {
    wait(rows::named(connection, tenant, named, longest))
}
