//! Every read goes to the system of record: nothing is cached, and nothing is stale.

use serde::{Serialize, de::DeserializeOwned};

use super::cache_key::CacheKey;
use crate::{config, edge::problem::Problem};

#[derive(Clone, Debug)]
pub struct Cache;

impl Cache {
    pub fn new(_: &config::Cache) -> Self {
        Self
    }

    /// The value, loaded.
    pub async fn get_or_load<T, F>(&self, _: CacheKey, load: F) -> Result<T, Problem>
    where
        T: Serialize + DeserializeOwned,
        F: AsyncFnOnce() -> Result<T, Problem>,
    {
        load().await
    }
}
