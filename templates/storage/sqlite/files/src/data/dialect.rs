//! The few words in which SQL dialects differ, as text to `concat!` into a statement.

/// Milliseconds since 1970 by the database's clock.
macro_rules! now_ms {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}

/// Ends a subquery that picks rows to claim, so that two workers do not wait for each other's. SQLite has one
/// writer at a time, and nothing to skip.
macro_rules! skip_locked {
    () => {
        ""
    };
}

pub(super) use now_ms;
pub(super) use skip_locked;
