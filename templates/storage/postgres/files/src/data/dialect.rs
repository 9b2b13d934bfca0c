//! The few words in which SQL dialects differ, as text to `concat!` into a statement.

/// Milliseconds since 1970 by the database's clock, at the start of the statement. Not of the transaction, which is old
/// in a long one; and not of this very moment, which no index could be searched for.
macro_rules! now_ms {
    () => {
        "CAST(FLOOR(EXTRACT(EPOCH FROM statement_timestamp()) * 1000) AS BIGINT)"
    };
}

/// Ends a subquery that picks rows to claim or to remove: whoever is at one of them is not waited for, and what somebody else
/// has changed meanwhile is looked at once more.
macro_rules! skip_locked {
    () => {
        " FOR UPDATE SKIP LOCKED"
    };
}

pub(super) use now_ms;
pub(super) use skip_locked;
