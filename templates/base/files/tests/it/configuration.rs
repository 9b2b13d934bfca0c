//! P12: what is wrong with the configuration is said at the start, all of it, and no secret is ever shown.

mod documented;
mod problems;
mod secrets;

pub(crate) use self::documented::production_settings;
