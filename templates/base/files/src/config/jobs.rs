//! How jobs are worked on.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use bytesize::ByteSize;

use super::Environment;

/// Less than this is not enough to begin with.
const LEAST_MEMORY: ByteSize = ByteSize::mib(64);

/// Where an attempt at a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// In the worker's own process.
    None,
    /// In one of its own.
    Process,
}

#[derive(Clone, Debug)]
pub struct Jobs {
    /// A worker that is not heard of for this long is taken for dead, and its jobs go to others.
    pub lease: Duration,
    /// How often a worker looks for work that nobody told it of.
    pub poll_interval: Duration,
    /// How long what runs may go on once the process drains; then it is given back.
    pub drain_timeout: Duration,
    /// How long jobs that ended are kept; dead ones are kept four times as long.
    pub retention: Duration,
    pub isolation: Isolation,
    /// Of an attempt's own process.
    pub memory_limit: ByteSize,
    pub program: Program,
}

/// What runs in an attempt's own process.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    /// What this process's environment does not say.
    pub variables: Vec<(String, String)>,
}

impl Jobs {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let drain_timeout = if environment.is_development() {
            "0s"
        } else {
            "10s"
        };
        let jobs = Self {
            lease: environment.duration("APP__JOBS__LEASE", "60s"),
            poll_interval: environment.duration("APP__JOBS__POLL_INTERVAL", "1s"),
            drain_timeout: environment.value("APP__JOBS__DRAIN_TIMEOUT", drain_timeout),
            retention: environment.duration("APP__JOBS__RETENTION", "7d"),
            isolation: environment.choice(
                "APP__JOBS__ISOLATION",
                "none",
                &[("none", Isolation::None), ("process", Isolation::Process)],
            ),
            memory_limit: environment.value("APP__JOBS__MEMORY_LIMIT", "512MiB"),
            program: Program::own(),
        };
        environment.rule(jobs.poll_interval < jobs.lease, || {
            "APP__JOBS__POLL_INTERVAL must be shorter than APP__JOBS__LEASE".to_owned()
        });
        environment.rule(jobs.memory_limit >= LEAST_MEMORY, || {
            format!("APP__JOBS__MEMORY_LIMIT must be at least {LEAST_MEMORY}")
        });
        jobs
    }
}

impl Program {
    /// This very build, though its file may have been replaced since. Where that has no name, the file.
    fn own() -> Self {
        let running = Path::new("/proc/self/exe");
        let path = if running.exists() {
            running.to_owned()
        } else {
            env::current_exe().unwrap_or_default()
        };
        Self {
            path,
            variables: Vec::new(),
        }
    }
}
