//! `data/outbox`, for a thread that waits.

pub use crate::data::outbox::*;
use crate::{
    data::{connection::Connection, error::Error, outbox as rows},
    threads::wait,
};

/// Adds an event in the caller's transaction. One that no broker takes is refused here, where somebody learns of it.
pub fn add(connection: &mut Connection, message: &Outgoing) -> Result<(), Error> {
    wait(rows::add(connection, message))
}
