//! What the database can answer other than rows.

use std::time::Duration;

use crate::edge::problem::Problem;

const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection or lock was to be had in time.
    #[error("the database is busy")]
    Busy,
    /// The deadline passed; the statement was stopped.
    #[error("the deadline passed before the database answered")]
    Deadline,
    /// The database cannot be reached, or its disk is full.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Other(sqlx::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Busy => Self::overloaded("database-busy", RETRY_AFTER),
            Error::Deadline => Self::deadline(),
            Error::Unavailable(cause) => {
                tracing::error!(cause, "the database is unavailable: {cause}");
                Self::overloaded("database-unavailable", RETRY_AFTER)
            }
            Error::Other(error) => Self::internal(&error),
        }
    }
}
