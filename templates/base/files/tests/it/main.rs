//! One test binary, one module a promise. Servers are real and on ports of their own, so tests run side by
//! side.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and its clients and servers are those of others"
)]

mod auth;
mod authorization;
mod caching;
mod configuration;
mod edge;
mod errors;
mod idempotency;
mod isolation;
mod jobs;
mod openapi;
mod operations;
mod overload;
mod round_trips;
mod start_page;
mod stateless;
mod support;
mod telemetry;
mod timeouts;
