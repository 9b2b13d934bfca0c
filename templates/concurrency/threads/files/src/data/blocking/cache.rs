//! The cache, for threads that wait.

use std::pin::pin;

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use crate::{
    config,
    data::{cache, cache_key::CacheKey},
    edge::problem::Problem,
    threads::wait,
};

/// Clones share their entries.
#[derive(Clone, Debug)]
pub struct Cache(cache::Cache);

impl Cache {
    pub fn new(config: &config::Cache) -> Self {
        Self(cache::Cache::new(config))
    }

    /// The cached value, or the loaded one. Whose turn it is to load does so on its own thread, while the others wait.
    pub fn get_or_load<T, F>(&self, key: CacheKey, load: F) -> Result<T, Problem>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> Result<T, Problem>,
    {
        let (begin, turn) = oneshot::channel();
        let (loaded, value) = oneshot::channel();
        let asking = self.0.get_or_load(key, async || {
            begin.send(()).ok();
            let value = value.await;
            value.unwrap_or_else(|_| Err(Problem::internal(&"nothing was loaded")))
        });
        let mut asking = pin!(asking);
        let found = wait(async {
            tokio::select! {
                biased;
                found = &mut asking => Some(found),
                Ok(()) = turn => None,
            }
        });
        found.unwrap_or_else(|| {
            loaded.send(load()).ok();
            wait(asking)
        })
    }
}
