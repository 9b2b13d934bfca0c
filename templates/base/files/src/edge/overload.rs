//! How much is admitted at once, by class of route. What does not get a place soon is told so, instead of
//! waiting for one until its client has given up.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
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
            reads: Arc::new(Semaphore::new(limits.reads as usize)),
            writes: Arc::new(Semaphore::new(limits.writes as usize)),
            queue_timeout: limits.queue_timeout,
        }
    }

    async fn enter(&self, class: Class) -> Option<OwnedSemaphorePermit> {
        let places = match class {
            Class::Read => self.reads.clone(),
            Class::Write => self.writes.clone(),
        };
        timeout(self.queue_timeout, places.acquire_owned())
            .await
            .ok()?
            .ok()
    }
}

/// Holds a place for as long as the handler runs.
pub async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let class = Class::of(request.method());
    let Some(place) = admission.enter(class).await else {
        metrics::shed(class.name());
        return Problem::overloaded("overloaded", RETRY_AFTER).into_response();
    };
    let response = next.run(request).await;
    drop(place);
    response
}
