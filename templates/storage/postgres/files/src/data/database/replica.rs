//! A standby for reads that may be a moment old. It is a help, never a need: while it does not answer, the primary does.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sqlx::{PgPool, Postgres, pool::PoolConnection, postgres::PgConnectOptions};

use super::trust::Trust;
use crate::lock::LockAnyway as _;

/// The longest wait for a connection of it: asking the primary is no worse.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(250);

/// How long it is left alone after it did not answer, so that not each read waits for it.
const REST: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(super) struct Replica {
    pool: PgPool,
    rests_until: Arc<Mutex<Option<Instant>>>,
}

impl Replica {
    pub(super) fn new(size: u32, trust: &Trust, options: PgConnectOptions) -> Self {
        Self {
            // However short ago a connection was used: it may be lost since, and there is somebody else to ask.
            pool: super::pool(size, ACQUIRE_TIMEOUT, trust)
                .test_before_acquire(true)
                .connect_lazy_with(options),
            rests_until: Arc::default(),
        }
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// None while it does not answer.
    pub(super) async fn lend(&self) -> Option<PoolConnection<Postgres>> {
        let rests = *self.rests_until.lock_anyway();
        if rests.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match self.pool.acquire().await {
            Ok(connection) => Some(connection),
            Err(error) => {
                *self.rests_until.lock_anyway() = Some(Instant::now() + REST);
                tracing::warn!(%error, "the replica does not answer, so the primary is asked: {error}");
                None
            }
        }
    }
}
