//! What the errors of PostgreSQL mean to who asked.

use crate::data::error::Error;

/// Codes of <https://www.postgresql.org/docs/current/errcodes-appendix.html>; the first two letters are the class.
pub(in crate::data) fn classify(error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code());
    match (&error, code.as_deref()) {
        (sqlx::Error::PoolTimedOut, _) => Error::Busy,
        (_, Some(code)) => match code {
            QUERY_CANCELED => Error::Deadline,
            LOCK_NOT_AVAILABLE | DEADLOCK_DETECTED | SERIALIZATION_FAILURE => Error::Busy,
            READ_ONLY_TRANSACTION | IDLE_IN_TRANSACTION => Error::Unavailable(error.to_string()),
            code if UNAVAILABLE.iter().any(|class| code.starts_with(class)) => {
                Error::Unavailable(error.to_string())
            }
            _ => Error::Other(error),
        },
        (sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::Tls(_), _) => {
            Error::Unavailable(error.to_string())
        }
        _ => Error::Other(error),
    }
}

/// Why there is no connection. Whoever hangs up at once seems to speak something else.
pub(super) fn of_connecting(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Protocol(_) => Error::Unavailable(error.to_string()),
        error => classify(error),
    }
}

/// There is no database of this name.
pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    const INVALID_CATALOG_NAME: &str = "3D000";
    has_code(error, INVALID_CATALOG_NAME)
}

/// Somebody else has made it at the same time.
pub(super) fn is_there(error: &sqlx::Error) -> bool {
    const DUPLICATE_DATABASE: &str = "42P04";
    const UNIQUE_VIOLATION: &str = "23505";
    has_code(error, DUPLICATE_DATABASE) || has_code(error, UNIQUE_VIOLATION)
}

fn has_code(error: &sqlx::Error, code: &str) -> bool {
    let error = error.as_database_error();
    error.and_then(|error| error.code()).as_deref() == Some(code)
}

/// `statement_timeout` was over, or somebody stopped the statement.
const QUERY_CANCELED: &str = "57014";
/// `lock_timeout` was over.
const LOCK_NOT_AVAILABLE: &str = "55P03";
const DEADLOCK_DETECTED: &str = "40P01";
const SERIALIZATION_FAILURE: &str = "40001";
/// The primary has become a standby.
const READ_ONLY_TRANSACTION: &str = "25006";
/// The session was ended because its transaction stood still.
const IDLE_IN_TRANSACTION: &str = "25P03";

/// The connection; no disk, memory or connection left; the server stops or starts; its disk fails.
const UNAVAILABLE: [&str; 4] = ["08", "53", "57P", "58"];
