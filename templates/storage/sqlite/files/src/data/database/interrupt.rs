//! Stops a statement inside SQLite at its end. To abandon the wait alone would leave the statement running,
//! and its connection busy, for as long as it likes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::SqliteConnection;

/// How many of SQLite's instructions run between two looks at the clock: well below a millisecond.
const INSTRUCTIONS_BETWEEN_LOOKS: i32 = 10_000;

/// The end of the statement that runs; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    origin: Instant,
    /// Microseconds after `origin`.
    end: Arc<AtomicU64>,
}

impl Default for Interrupt {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            end: Arc::new(AtomicU64::new(u64::MAX)),
        }
    }
}

impl Interrupt {
    /// Watches the statements of `connection`.
    pub(super) async fn install(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let Self { origin, end } = self.clone();
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(INSTRUCTIONS_BETWEEN_LOOKS, move || {
            micros(origin.elapsed()) < end.load(Ordering::Relaxed)
        });
        Ok(())
    }

    pub(super) fn arm(&self, end: Instant) {
        self.end.store(
            micros(end.saturating_duration_since(self.origin)),
            Ordering::Relaxed,
        );
    }

    /// After an answer. A statement that was abandoned stays armed, so that it stops.
    pub(super) fn disarm(&self) {
        self.end.store(u64::MAX, Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
