//! Your code. Handlers and business logic are straight-line: they await and return. Streams, selects,
//! spawns and channels live in `edge` and `external`.

pub mod access;
pub mod auth;
pub mod body;
pub mod caller;
pub mod context;
pub mod cursor;
pub mod documents;
pub mod etag;
pub mod idempotency;
pub mod jobs;
pub mod openapi;
pub mod parameters;
pub mod reports;
pub mod router;
mod start_page;
pub mod state;
pub mod time;
pub mod usage;
