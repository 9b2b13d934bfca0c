//! What computes beside the loop.

use std::{num::NonZero, thread::available_parallelism};

use super::Environment;

#[derive(Clone, Debug)]
pub struct Cpu {
    pub threads: u32,
    /// How much may wait for one of them.
    pub queue: u32,
}

impl Cpu {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let threads = environment.optional::<u32>("APP__CPU__THREADS");
        environment.rule(threads != Some(0), || {
            "APP__CPU__THREADS must be at least 1".to_owned()
        });
        Self {
            threads: threads.unwrap_or_else(cores),
            queue: environment.count("APP__CPU__QUEUE", "64"),
        }
    }
}

/// As many as this process may use: a container's share counts.
fn cores() -> u32 {
    let cores = available_parallelism().map_or(1, NonZero::get);
    u32::try_from(cores).unwrap_or(u32::MAX)
}
