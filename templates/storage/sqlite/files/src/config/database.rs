//! The embedded database.

use std::{path::Path, time::Duration};

use super::Environment;

#[derive(Clone, Debug)]
pub struct Database {
    /// Connections that read, in this process.
    pub read_connections: u32,
    /// The longest wait for a connection before a request is answered 503.
    pub acquire_timeout: Duration,
    /// The longest that one statement may run; a request's deadline may end it earlier.
    pub statement_timeout: Duration,
    /// The longest wait for a writer in another process.
    pub lock_timeout: Duration,
    pub synchronous: Synchronous,
}

/// When a commit is on the disk. `Normal` survives a crash of the process, `Full` also one of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    Full,
    Normal,
}

impl Database {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            read_connections: environment.count("APP__DATABASE__READ_CONNECTIONS", "8"),
            acquire_timeout: environment.duration("APP__DATABASE__ACQUIRE_TIMEOUT", "2s"),
            statement_timeout: environment.duration("APP__DATABASE__STATEMENT_TIMEOUT", "5s"),
            lock_timeout: environment.duration("APP__DATABASE__LOCK_TIMEOUT", "2s"),
            synchronous: environment.choice(
                "APP__DATABASE__SYNCHRONOUS",
                "full",
                &[("full", Synchronous::Full), ("normal", Synchronous::Normal)],
            ),
        }
    }

    /// Where it is, for people.
    pub fn place(&self, data: &Path) -> String {
        format!("{}/", data.display())
    }
}
