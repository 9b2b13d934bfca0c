//! `formwork check` and `formwork cache` as a user runs them, on a small project that really compiles.

mod cache;
#[path = "../shared/debian.rs"]
mod debian;
mod fixture;
mod interrupt;
mod machine;
mod recipes;
mod services;
mod steps;
mod support;
