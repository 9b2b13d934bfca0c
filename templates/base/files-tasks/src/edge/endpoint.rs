//! How endpoints are mounted: a handler is an `async fn`, and runs in the task of its request.

pub use axum::routing::get;
pub use utoipa_axum::routes;
