//! The few words in which SQL dialects differ, as text to `concat!` into a statement.

/// Milliseconds since 1970 by the database's clock.
macro_rules! now_ms {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}

pub(super) use now_ms;
