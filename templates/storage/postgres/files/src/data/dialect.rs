//! The few words in which SQL dialects differ, as text to `concat!` into a statement.

/// Milliseconds since 1970 by the database's clock, at the start of the statement. Not of the transaction, which is old
/// in a long one; and not of this very moment, which no index could be searched for.
macro_rules! now_ms {
    () => {
        "CAST(FLOOR(EXTRACT(EPOCH FROM statement_timestamp()) * 1000) AS BIGINT)"
    };
}

/// Ends a subquery that picks rows to claim, so that two workers do not wait for each other's.
macro_rules! skip_locked {
    () => {
        " FOR UPDATE SKIP LOCKED"
    };
}

pub(super) use now_ms;
pub(super) use skip_locked;
