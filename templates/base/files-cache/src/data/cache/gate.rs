//! What tests have a cache load: a number that waits until it is let through, and each load is counted.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    super::cache_key::{CacheKey, Scope},
    Cache,
};
use crate::edge::problem::Problem;

#[derive(Clone)]
pub(super) struct Gate {
    pub(super) cache: Cache,
    open: Arc<Semaphore>,
    loads: Arc<AtomicU32>,
    /// How many loads fail before one succeeds.
    failures: u32,
}

impl Gate {
    pub(super) fn new(cache: Cache, failures: u32) -> Self {
        Self {
            cache,
            open: Arc::new(Semaphore::new(0)),
            loads: Arc::default(),
            failures,
        }
    }

    pub(super) fn loads(&self) -> u32 {
        self.loads.load(Ordering::Relaxed)
    }

    /// Lets through so many loads.
    pub(super) fn open(&self, loads: usize) {
        self.open.add_permits(loads);
    }

    pub(super) async fn ask(self) -> Result<u32, u16> {
        let load = async || {
            let load = self.loads.fetch_add(1, Ordering::Relaxed);
            let _open = self.open.acquire().await;
            if load < self.failures {
                return Err(Problem::deadline());
            }
            Ok(load)
        };
        let key = CacheKey::new(Scope::Public, "test", &[]);
        let loaded = self.cache.get_or_load(key, load).await;
        loaded.map_err(|problem| problem.status)
    }

    pub(super) async fn until_one_loads(&self) {
        while self.loads() == 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Asks `count` times at once; once all wait, the loads go through.
    pub(super) async fn ask_at_once(&self, count: usize) -> Vec<Result<u32, u16>> {
        let mut asking = JoinSet::new();
        for _ in 0..count {
            asking.spawn(self.clone().ask());
        }
        self.until_one_loads().await;
        self.open(Semaphore::MAX_PERMITS / 2);
        asking.join_all().await
    }
}
