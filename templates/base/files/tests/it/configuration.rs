//! P12: what is wrong with the configuration is said at the start, all of it, and no secret is ever shown.

pub(crate) mod documented;
mod problems;
mod secrets;
