//! `formwork new` and `formwork options` as a user runs them, and the catalog that they read.

#![expect(clippy::unwrap_used, reason = "in a test a step that fails is the failure to show")]

mod atomic;
mod catalog;
mod combinations;
mod determinism;
mod flags;
mod git;
mod lock;
mod options;
mod render;
mod support;
mod targets;
mod terminal;
mod wizard;
mod workspace;
