//! Cache-aside in Redis, which all instances share. What is kept may be as old as the time to live, so only what may be a
//! little old belongs here, never what a caller has just written. Without Redis everything is loaded.

mod flights;

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
            redis: Redis::new(config),
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
