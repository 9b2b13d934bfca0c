//! `data/vectors`, for a thread that waits.

use uuid::Uuid;

pub use crate::data::vectors::*;
use crate::{
    data::{connection::Connection, error::Error, vectors as rows},
    threads::wait,
};

/// The tenant's chunks that are nearest to `question`, the nearest first: up to `limit`, none farther away than
/// `longest`.
pub fn nearest(
    connection: &mut Connection,
    tenant: &str,
    space: Space<'_>,
    question: &[f32],
    limit: u32,
    longest: f64,
) -> Result<Vec<Near>, Error> {
    wait(rows::nearest(
        connection, tenant, space, question, limit, longest,
    ))
}

/// Puts the chunks of a version of a document in place of what was there, in the caller's transaction. False
/// when this is not the current version any more: then nothing of the transaction may be kept.
pub fn store(
    connection: &mut Connection,
    tenant: &str,
    (document, version): (Uuid, i64),
    space: Space<'_>,
    chunks: &[Chunk<'_>],
) -> Result<bool, Error> {
    wait(rows::store(
        connection,
        tenant,
        (document, version),
        space,
        chunks,
    ))
}

/// Removes the chunks of a document.
pub fn remove(connection: &mut Connection, tenant: &str, document: Uuid) -> Result<(), Error> {
    wait(rows::remove(connection, tenant, document))
}

/// Up to `limit` documents of all tenants after `after` that want to be embedded.
pub fn wanting(
    connection: &mut Connection,
    space: Space<'_>,
    which: Which,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Owned>, Error> {
    wait(rows::wanting(connection, space, which, after, limit))
}

/// How many they are.
pub fn count_wanting(
    connection: &mut Connection,
    space: Space<'_>,
    which: Which,
) -> Result<i64, Error> {
    wait(rows::count_wanting(connection, space, which))
}
