//! `data/outbox`, for a thread that waits.

pub use crate::data::outbox::*;
use crate::{
    data::{connection::Connection, error::Error, outbox as rows},
    threads::wait,
};

/// Adds a message in the caller's transaction.
pub fn add(connection: &mut Connection, message: &Outgoing) -> Result<(), Error> {
    wait(rows::add(connection, message))
}
