//! Cache-aside in this process's memory. Instances may disagree for as long as the time to live, so only
//! what may be a little old belongs here, never what a caller has just written.

#[cfg(test)]
mod gate;

use bytes::Bytes;
use moka::future::Cache as Moka;
use serde::{Serialize, de::DeserializeOwned};

use super::cache_key::CacheKey;
use crate::{config, edge::problem::Problem};

/// Clones share their entries.
#[derive(Clone, Debug)]
pub struct Cache {
    entries: Moka<CacheKey, Bytes>,
}

impl Cache {
    pub fn new(config: &config::Cache) -> Self {
        let entries = Moka::builder()
            .max_capacity(u64::from(config.capacity))
            .time_to_live(config.time_to_live)
            .build();
        Self { entries }
    }

    /// The cached value, or the loaded one. Of many who ask for the same key at once, one loads and the
    /// others wait for it. A failed load is not kept, and fails nobody else: its cause may be its own
    /// caller's, such as a deadline that was short, so the next one who waits tries for itself.
    pub async fn get_or_load<T, F>(&self, key: CacheKey, load: F) -> Result<T, Problem>
    where
        T: Serialize + DeserializeOwned,
        F: AsyncFnOnce() -> Result<T, Problem>,
    {
        let mut load = Some(load);
        let bytes = loop {
            let turn = &mut load;
            let loaded = self.entries.try_get_with(key.clone(), async {
                let load = turn
                    .take()
                    .ok_or_else(|| Problem::internal(&"a second turn"))?;
                encode(&load().await?)
            });
            match loaded.await {
                Ok(bytes) => break bytes,
                Err(problem) if load.is_none() => return Err((*problem).clone()),
                // Somebody else's.
                Err(_) => {}
            }
        };
        serde_json::from_slice(&bytes).map_err(|error| Problem::internal(&error))
    }
}

fn encode(value: &impl Serialize) -> Result<Bytes, Problem> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| Problem::internal(&error))
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use tokio::task::JoinSet;

    use super::{super::cache_key::Scope, gate::Gate, *};

    fn cache(time_to_live: Duration) -> Cache {
        Cache::new(&config::Cache {
            capacity: 100,
            time_to_live,
        })
    }

    fn gate(failures: u32) -> Gate {
        Gate::new(cache(Duration::from_secs(60)), failures)
    }

    #[tokio::test]
    async fn many_at_once_cost_one_load() {
        let gate = gate(0);
        assert_eq!(gate.ask_at_once(50).await, vec![Ok(0); 50]);
        assert_eq!(gate.loads(), 1);
    }

    #[tokio::test]
    async fn a_failure_is_its_own_callers_alone() {
        let gate = gate(1);
        let answers = gate.ask_at_once(50).await;
        let failed = answers.iter().filter(|answer| **answer == Err(504)).count();
        let loaded = answers.iter().filter(|answer| **answer == Ok(1)).count();
        assert_eq!((failed, loaded), (1, 49));
        assert_eq!(gate.loads(), 2);
    }

    /// Whoever loads for the others may leave: the next one takes its place.
    #[tokio::test]
    async fn a_caller_who_leaves_takes_nobody_along() {
        let gate = gate(0);
        let (mut leaving, mut staying) = (JoinSet::new(), JoinSet::new());
        leaving.spawn(gate.clone().ask());
        gate.until_one_loads().await;
        staying.spawn(gate.clone().ask());
        tokio::task::yield_now().await;
        leaving.abort_all();
        gate.open(2);
        assert_eq!(staying.join_all().await, [Ok(1)]);
    }

    #[tokio::test]
    async fn a_value_is_kept_no_longer_than_its_time() {
        let cache = cache(Duration::from_millis(1));
        let loads = AtomicU32::new(0);
        let begun = std::time::Instant::now();
        while loads.load(Ordering::Relaxed) < 2 {
            assert!(begun.elapsed() < Duration::from_secs(20), "kept for ever");
            let load = async || Ok(loads.fetch_add(1, Ordering::Relaxed));
            let key = CacheKey::new(Scope::Public, "test", &[]);
            assert!(cache.get_or_load(key, load).await.is_ok());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
