//! `data/webhooks`, for a thread that waits.

pub mod callbacks;
pub mod deliveries;
pub mod endpoints;
