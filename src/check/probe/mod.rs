//! Tests a service's promises from outside.

pub mod client;
pub mod service;

/// What a check of a promise finds: all as expected, or one sentence that says what was seen and expected.
pub type Finding<T = ()> = Result<T, String>;
