//! What every client of somebody else's service needs, one concern a file.

mod error;
pub mod retry_after;

pub use self::error::Error;
