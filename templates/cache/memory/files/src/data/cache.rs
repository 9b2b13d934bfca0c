//! Cache-aside in this process's memory. Instances may disagree for as long as the time to live, so only
//! what may be a little old belongs here, never what a caller has just written.

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
    /// others wait for it; a failed load is not kept.
    pub async fn get_or_load<T, F>(&self, key: CacheKey, load: F) -> Result<T, Problem>
    where
        T: Serialize + DeserializeOwned,
        F: AsyncFnOnce() -> Result<T, Problem>,
    {
        let bytes = self
            .entries
            .try_get_with(key, async {
                let value = load().await?;
                serde_json::to_vec(&value)
                    .map(Bytes::from)
                    .map_err(|error| Problem::internal(&error))
            })
            .await
            .map_err(|problem| (*problem).clone())?;
        serde_json::from_slice(&bytes).map_err(|error| Problem::internal(&error))
    }
}
