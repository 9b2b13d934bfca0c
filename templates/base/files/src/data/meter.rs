//! What one request costs the database: statements, and the time that it held connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use crate::telemetry::metrics;

/// Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    statements: Arc<AtomicU32>,
    held_since: Option<Instant>,
}

impl Meter {
    /// Statements so far, `COMMIT` included.
    pub fn statements(&self) -> u32 {
        self.statements.load(Ordering::Relaxed)
    }

    pub(super) fn count_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn begin_hold(&mut self) {
        self.held_since = Some(Instant::now());
    }

    pub(super) fn end_hold(&mut self) {
        if let Some(since) = self.held_since.take() {
            metrics::connection_held(since.elapsed());
        }
    }
}
