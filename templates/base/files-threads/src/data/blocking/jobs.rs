//! `data/jobs`, for a thread that waits.

pub mod desk;
pub mod rests;

use uuid::Uuid;

pub use crate::data::jobs::*;
use crate::{
    data::{connection::Connection, error::Error, jobs as rows},
    threads::wait,
};

/// Adds the job in the caller's transaction; false where there is one with its id, or one with its key that is
/// queued or running.
pub fn add(connection: &mut Connection, job: &NewJob<'_>) -> Result<bool, Error> {
    wait(rows::add(connection, job))
}

/// Adds the job in the caller's transaction and gives its id, or that of the one with its key that is queued
/// or running.
pub fn insert(connection: &mut Connection, job: &NewJob<'_>) -> Result<Uuid, Error> {
    wait(rows::insert(connection, job))
}

/// Nobody takes the job away until the transaction ends; false when the lease is lost already.
pub fn hold(connection: &mut Connection, lease: Lease) -> Result<bool, Error> {
    wait(rows::hold(connection, lease))
}

/// Says how far it is; false when the lease is lost, or the job is to be cancelled.
pub fn progress(connection: &mut Connection, lease: Lease, percent: u8) -> Result<bool, Error> {
    wait(rows::progress(connection, lease, percent))
}

/// Ends the job well, in the transaction of its effect; false when the lease is lost, or the job is to be
/// cancelled, and then the effect must not be either.
pub fn succeed(connection: &mut Connection, lease: Lease, result: &str) -> Result<bool, Error> {
    wait(rows::succeed(connection, lease, result))
}
