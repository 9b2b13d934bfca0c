//! How much is admitted at once, by class of route. What does not get a place soon is told so, instead of
//! waiting for one until its client has given up.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{class::Class, problem::Problem};
use crate::{config, telemetry::metrics};

const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct Admission {
    places: [Arc<Semaphore>; Class::ALL.len()],
    queue_timeout: Duration,
}

impl Admission {
    pub fn new(limits: &config::Limits) -> Self {
        Self {
            places: Class::ALL.map(|class| places(class, class.limit(limits))),
            queue_timeout: limits.queue_timeout,
        }
    }

    /// A place for a request of this class, to be held for as long as its handler runs.
    pub async fn enter(&self, class: Class) -> Result<OwnedSemaphorePermit, Problem> {
        let places = &self.places[class as usize];
        if let Ok(place) = places.clone().try_acquire_owned() {
            return Ok(place);
        }
        match timeout(self.queue_timeout, places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => {
                metrics::shed(class.name());
                Err(Problem::overloaded("overloaded", RETRY_AFTER))
            }
        }
    }
}

/// As many places as `limit`, watched by telemetry.
fn places(class: Class, limit: u32) -> Arc<Semaphore> {
    let places = Arc::new(Semaphore::new(limit as usize));
    let watched = places.clone();
    metrics::admission(class.name(), limit, move || {
        limit.saturating_sub(u32::try_from(watched.available_permits()).unwrap_or(u32::MAX))
    });
    places
}
