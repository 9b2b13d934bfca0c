//! How much is admitted at once, by class of route. What does not get a place soon is told so, instead of
//! waiting for one until its client has given up.

use std::{sync::Arc, time::Duration};

use http::Method;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::problem::Problem;
use crate::{config, telemetry::metrics};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Reads and writes are admitted apart: writes wait for one another, reads do not wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Read,
    Write,
}

impl Class {
    fn of(method: &Method) -> Self {
        if method.is_safe() {
            Self::Read
        } else {
            Self::Write
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Admission {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    queue_timeout: Duration,
}

impl Admission {
    pub fn new(limits: &config::Limits) -> Self {
        Self {
            reads: places(Class::Read, limits.reads),
            writes: places(Class::Write, limits.writes),
            queue_timeout: limits.queue_timeout,
        }
    }

    /// A place for a request with this method, to be held for as long as its handler runs.
    pub async fn enter(&self, method: &Method) -> Result<OwnedSemaphorePermit, Problem> {
        let class = Class::of(method);
        let places = match class {
            Class::Read => &self.reads,
            Class::Write => &self.writes,
        };
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
