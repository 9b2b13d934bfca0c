//! Projects that live on: scripted histories with real git. Each asserts what a skilled person would expect.

#![expect(clippy::unwrap_used, reason = "in a test a step that fails is the failure to show")]

mod answers;
mod asking;
mod catalog;
mod databases;
#[path = "../shared/debian.rs"]
mod debian;
mod files;
mod fleet;
mod history;
mod kill;
mod manifest;
mod presets;
mod refusals;
mod released;
mod reports;
mod support;
#[expect(dead_code, reason = "it serves several test binaries")]
#[path = "../new/terminal.rs"]
mod terminal;
