//! Who asks for the same at the same time, in this instance: one finds or loads it, and the others wait for it.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use super::super::cache_key::CacheKey;
use crate::lock::LockAnyway as _;

/// Clones share their flights.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<CacheKey, Value>>>);

/// None until somebody has had a turn that ended well.
type Value = Arc<AsyncMutex<Option<Bytes>>>;

impl Flights {
    pub(super) fn join(&self, key: &CacheKey) -> Flight {
        let mut flights = self.0.lock_anyway();
        Flight {
            value: flights.entry(key.clone()).or_default().clone(),
            key: key.clone(),
            flights: self.clone(),
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock_anyway().is_empty()
    }
}

/// A place in one. Whoever has the turn may leave at any time: the next one takes its place.
pub(super) struct Flight {
    flights: Flights,
    key: CacheKey,
    value: Value,
}

impl Flight {
    pub(super) async fn turn(&self) -> MutexGuard<'_, Option<Bytes>> {
        self.value.lock().await
    }

    /// The value is for those who wait by now. Nobody joins any more: whoever comes later asks anew, so nothing becomes older
    /// here than in the cache.
    pub(super) fn land(&self, turn: &mut Option<Bytes>, value: Bytes) {
        *turn = Some(value);
        let mut flights = self.flights.0.lock_anyway();
        if self.is_joined(&flights) {
            flights.remove(&self.key);
        }
    }

    /// The last one to leave without a value takes the flight along.
    fn leave(&mut self) {
        let mut flights = self.flights.0.lock_anyway();
        // This one's and the table's.
        if Arc::strong_count(&self.value) == 2 && self.is_joined(&flights) {
            flights.remove(&self.key);
        }
        // Before anybody else looks whether it is the last one.
        drop(mem::take(&mut self.value));
    }

    fn is_joined(&self, flights: &HashMap<CacheKey, Value>) -> bool {
        let joined = flights.get(&self.key);
        joined.is_some_and(|value| Arc::ptr_eq(value, &self.value))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::cache_key::Scope, *};

    /// Each would be the last one, were the other not still there when it looks.
    #[test]
    fn two_who_leave_at_once_leave_nothing_behind() {
        let (flights, key) = (
            Flights::default(),
            CacheKey::new(Scope::Public, "test", &[]),
        );
        let (mut one, mut other) = (flights.join(&key), flights.join(&key));
        one.leave();
        other.leave();
        assert!(flights.is_empty());
    }
}
