//! How much is admitted at once, by class of route: as much as the class has threads. What does not get a place soon is
//! told so, instead of waiting for one until its client has given up.

use std::time::Duration;

use axum::{extract::Request, middleware::Next, response::Response};

use super::{class::Class, problem::Problem};
use crate::{
    app::state::App,
    telemetry::metrics,
    threads::{self, Threads},
};

pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct Admission(Threads);

impl Admission {
    pub fn new(app: &App) -> Self {
        for class in Class::ALL {
            let limit = class.limit(&app.config.limits);
            metrics::admission(class.name(), limit, app.threads.of(class).watched());
        }
        Self(app.threads.clone())
    }

    /// A place for a request of this class.
    pub async fn enter(&self, class: Class) -> Result<Place, Problem> {
        let place = self.0.of(class).enter().await;
        place.map(Place).ok_or_else(|| {
            metrics::shed(class.name());
            Problem::overloaded("overloaded", RETRY_AFTER)
        })
    }
}

/// A place in a class, and among its threads.
#[derive(Clone, Debug)]
pub struct Place(pub(super) threads::Place);

impl Place {
    /// Runs the request's handler. The place is held until that ends or is given up, and by its thread until that has
    /// really ended.
    pub async fn run(self, mut request: Request, next: Next) -> Response {
        request.extensions_mut().insert(self.clone());
        let answer = next.run(request).await;
        drop(self);
        answer
    }
}
