//! The service, in layers: `edge` stands before your code, `app` is your code, `data` is durable state,
//! `external` is other people's services. `docs/architecture.md` draws the picture.

// What the ban is for is kept by the service, not by its tests.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod app;
pub mod cli;
pub mod config;
pub mod data;
pub mod edge;
pub mod external;
pub mod jobs;
pub mod maintenance;
pub mod runtime;
pub mod serve;
pub mod telemetry;
