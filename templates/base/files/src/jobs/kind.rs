//! The kinds of jobs: how many at once, how long, how often, and who does them.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Done, Failure, Work};
use crate::{app::reports, maintenance};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Purge,
    Report,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Purge, Self::Report];

    /// As it stands in rows, so it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Purge => "purge",
            Self::Report => "report",
        }
    }

    /// How many of them one worker does at once.
    pub fn concurrency(self) -> usize {
        match self {
            Self::Purge => 1,
            Self::Report => 4,
        }
    }

    /// After this, an attempt has failed.
    pub fn time_limit(self) -> Duration {
        match self {
            Self::Purge => Duration::from_secs(60),
            Self::Report => Duration::from_secs(300),
        }
    }

    /// How often it is tried before it is dead.
    pub fn max_attempts(self) -> u32 {
        match self {
            Self::Purge => 3,
            Self::Report => 5,
        }
    }

    pub(super) async fn run(self, work: &mut Work, payload: &str) -> Result<Done, Failure> {
        match self {
            Self::Purge => maintenance::run(work).await,
            Self::Report => reports::run(work, read(payload)?).await,
        }
    }
}

fn read<P: DeserializeOwned>(payload: &str) -> Result<P, Failure> {
    serde_json::from_str(payload)
        .map_err(|error| Failure::Permanent(format!("its payload cannot be read: {error}")))
}
