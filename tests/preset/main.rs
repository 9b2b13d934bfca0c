//! Presets as a team keeps them and as its members use them.

#![expect(clippy::unwrap_used, reason = "in a test a step that fails is the failure to show")]

mod extends;
mod git;
mod hostile;
mod overlay;
mod parts;
mod proof;
mod questions;
mod schema;
mod start;
#[expect(dead_code, reason = "it serves several test binaries")]
#[path = "../new/support.rs"]
mod support;
mod team;
mod workflow;
