//! How much is admitted at once, by class of route. What does not get a place soon is told so, instead of
//! waiting for one until its client has given up.

use std::{sync::Arc, time::Duration};

use axum::{extract::Request, middleware::Next, response::Response};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{class::Class, problem::Problem, stall};
use crate::{app::state::App, telemetry::metrics};

const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct Admission {
    places: [Arc<Semaphore>; Class::ALL.len()],
    queue_timeout: Duration,
}

impl Admission {
    pub fn new(app: &App) -> Self {
        let limits = &app.config.limits;
        Self {
            places: Class::ALL.map(|class| places(class, class.limit(limits))),
            queue_timeout: limits.queue_timeout,
        }
    }

    /// A place for a request of this class.
    pub async fn enter(&self, class: Class) -> Result<Place, Problem> {
        let places = &self.places[class as usize];
        if let Ok(place) = places.clone().try_acquire_owned() {
            return Ok(Place(place));
        }
        match timeout(self.queue_timeout, places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(Place(place)),
            _ => {
                metrics::shed(class.name());
                Err(Problem::overloaded("overloaded", RETRY_AFTER))
            }
        }
    }
}

/// It is free again once it is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, not used")] OwnedSemaphorePermit);

impl Place {
    /// Runs the request's handler, and is held until that ends or is given up.
    pub async fn run(self, request: Request, next: Next) -> Response {
        let answer = stall::watch(request, next).await;
        drop(self);
        answer
    }
}

/// As many places as `limit`, watched by telemetry.
fn places(class: Class, limit: u32) -> Arc<Semaphore> {
    let places = Arc::new(Semaphore::new(limit as usize));
    let watched = Arc::downgrade(&places);
    metrics::admission(class.name(), limit, move || {
        let free = watched.upgrade()?.available_permits();
        Some(limit.saturating_sub(u32::try_from(free).unwrap_or(u32::MAX)))
    });
    places
}
