//! NATS, and another client of it than the service's: that of Python.

pub(crate) use crate::support::servers::NATS as BROKER;

pub(crate) const CLIENT: &str = include_str!("stranger.py");

/// What to do where that client is not installed.
pub(crate) const MISSING: &str = "it takes Python's client of NATS: pip install nats-py";
