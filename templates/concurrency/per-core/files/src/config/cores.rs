//! The cores that answer requests.

use std::{num::NonZeroUsize, thread::available_parallelism};

use super::Environment;

#[derive(Clone, Debug)]
pub struct Cores {
    /// None: as many as the process may use.
    count: Option<u32>,
    pub accept: Accept,
}

/// Who accepts connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Every core, as the kernel spreads them.
    Each,
    /// One loop, which deals them out.
    One,
}

impl Cores {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let cores = Self {
            count: environment.optional("APP__CORES__COUNT"),
            accept: environment.choice(
                "APP__CORES__ACCEPT",
                "each",
                &[("each", Accept::Each), ("one", Accept::One)],
            ),
        };
        environment.rule(cores.count != Some(0), || {
            "APP__CORES__COUNT must be at least 1".to_owned()
        });
        cores
    }

    /// The standard library knows the process's affinity, and the quota of its control group.
    pub fn count(&self) -> usize {
        match self.count {
            Some(count) => count as usize,
            None => available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }
}
