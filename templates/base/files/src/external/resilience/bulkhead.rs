//! How many calls to one service run at once: what it has slowed down holds up no more than these, and the rest is
//! told soon.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::Error;
use crate::{edge::deadline::Deadline, telemetry::upstream};

#[derive(Debug)]
pub struct Bulkhead {
    service: &'static str,
    places: Arc<Semaphore>,
    queue_timeout: Duration,
}

/// A place, for as long as it is kept.
#[derive(Debug)]
pub struct Place(
    #[expect(dead_code, reason = "it is held, and given back when dropped")] OwnedSemaphorePermit,
);

impl Bulkhead {
    pub fn new(service: &'static str, places: u32, queue_timeout: Duration) -> Self {
        let semaphore = Arc::new(Semaphore::new(places as usize));
        let watched = semaphore.clone();
        upstream::bulkhead(service, places, move || {
            let free = u32::try_from(watched.available_permits()).unwrap_or(u32::MAX);
            places.saturating_sub(free)
        });
        Self {
            service,
            places: semaphore,
            queue_timeout,
        }
    }

    /// Waits for a place, but not long: who waits here is not yet asked for, and its caller may have something better
    /// to do.
    pub async fn enter(&self, deadline: Deadline) -> Result<Place, Error> {
        let longest = self.queue_timeout.min(deadline.remaining());
        match timeout(longest, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(Place(place)),
            _ => {
                upstream::was_full(self.service);
                Err(Error::Busy)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_is_told_soon() {
        let deadline = Deadline::after(Duration::from_secs(60));
        let bulkhead = Bulkhead::new("test", 1, Duration::from_millis(20));
        let place = bulkhead.enter(deadline).await.expect("a place");
        let refused = bulkhead.enter(deadline).await.expect_err("it is taken");
        assert_eq!(refused, Error::Busy);
        drop(place);
        bulkhead.enter(deadline).await.expect("it is free again");
    }
}
