//! Cache-aside in Redis, which all instances share. What is kept may be as old as the time to live, so only what may be a
//! little old belongs here, never what a caller has just written. Without Redis everything is loaded.

mod flights;
#[cfg(test)]
mod gate;

use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use self::flights::Flights;
use super::{cache_key::CacheKey, redis::Redis};
use crate::{config, edge::problem::Problem, telemetry::redis as telemetry};

/// Clones share their entries.
#[derive(Clone, Debug)]
pub struct Cache {
    redis: Redis,
    flights: Flights,
    time_to_live: Duration,
    value_limit: usize,
}

impl Cache {
    pub fn new(config: &config::Cache) -> Self {
        Self {
            redis: Redis::new(config, ""),
            flights: Flights::default(),
            time_to_live: config.time_to_live,
            value_limit: usize::try_from(config.value_limit.as_u64()).unwrap_or(usize::MAX),
        }
    }

    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// The cached value, or the loaded one. Of many who ask this instance for the same key at once, one loads and the
    /// others wait for it. A failed load is not kept, and fails nobody else: its cause may be its own caller's, such as a
    /// deadline that was short, so the next one who waits tries for itself.
    pub async fn get_or_load<T, F>(&self, key: CacheKey, load: F) -> Result<T, Problem>
    where
        T: Serialize + DeserializeOwned,
        F: AsyncFnOnce() -> Result<T, Problem>,
    {
        let flight = self.flights.join(&key);
        let mut turn = flight.turn().await;
        if let Some(landed) = &*turn {
            return decode(landed).map_err(|error| Problem::internal(&error));
        }
        let name = self.redis.key("cache", key.as_str());
        if let Some(kept) = self.find(&name).await {
            // What another version of this service has written may have another shape: it is as good as nothing.
            if let Ok(value) = decode(&kept) {
                flight.land(&mut turn, kept);
                return Ok(value);
            }
        }
        let value = load().await?;
        let bytes = serde_json::to_vec(&value).map_err(|error| Problem::internal(&error))?;
        let bytes = Bytes::from(bytes);
        self.keep(&name, &bytes).await;
        flight.land(&mut turn, bytes);
        Ok(value)
    }

    async fn find(&self, name: &str) -> Option<Bytes> {
        let mut command = redis::cmd("GETRANGE");
        // One byte more than may be, to tell what is too large; no value is empty.
        command.arg(name).arg(0).arg(self.value_limit);
        let found: Vec<u8> = self.redis.ask(&command).await.ok()?;
        let is_hit = !found.is_empty() && found.len() <= self.value_limit;
        telemetry::read(is_hit);
        is_hit.then(|| Bytes::from(found))
    }

    /// That it could not be kept costs no more than the next load.
    async fn keep(&self, name: &str, value: &[u8]) {
        if value.len() > self.value_limit {
            return;
        }
        let lifetime = u64::try_from(self.time_to_live.as_millis()).unwrap_or(u64::MAX);
        let mut command = redis::cmd("SET");
        command.arg(name).arg(value).arg("PX").arg(lifetime.max(1));
        self.redis.ask::<()>(&command).await.ok();
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use bytesize::ByteSize;
    use tokio::task::JoinSet;

    use super::{gate::Gate, *};
    use crate::config::Secret;

    /// Of a cache without a Redis.
    fn gate(failures: u32) -> Gate {
        let cache = Cache::new(&config::Cache {
            url: Secret::new("redis://127.0.0.1:1/0".to_owned()),
            prefix: "test".to_owned(),
            time_to_live: Duration::from_secs(60),
            value_limit: ByteSize::kib(1),
            timeout: Duration::from_secs(20),
        });
        Gate::new(cache, failures)
    }

    #[tokio::test]
    async fn many_at_once_cost_one_load() {
        let gate = gate(0);
        assert_eq!(gate.ask_at_once(50).await, vec![Ok(0); 50]);
        assert_eq!(gate.clone().ask().await, Ok(1), "nothing is kept here");
        assert!(gate.cache.flights.is_empty());
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
    async fn who_leaves_leaves_nothing_behind() {
        let gate = gate(u32::MAX);
        let mut leaving = JoinSet::new();
        leaving.spawn(gate.clone().ask());
        gate.until_one_loads().await;
        leaving.shutdown().await;
        gate.open(1);
        assert_eq!(gate.clone().ask().await, Err(504));
        assert!(gate.cache.flights.is_empty());
    }
}
