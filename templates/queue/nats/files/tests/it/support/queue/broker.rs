//! NATS, and another client of it than the service's: that of Python.

pub(crate) use crate::support::servers::{NATS as BROKER, NATS_CLIENT as INSTALL};

pub(crate) const CLIENT: &str = include_str!("stranger.py");
