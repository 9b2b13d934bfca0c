//! Health, for probes and load balancers, on a listener of its own: no limiter of the public one stands
//! before it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use tokio::{sync::Mutex, time::timeout};

use super::{deadline::Deadline, lifecycle::Lifecycle, public::TURNS, server::Pulse};
use crate::{app::state::App, config};

/// A dependency that has not answered by then counts as down.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct Health {
    app: App,
    lifecycle: Lifecycle,
    pulse: Pulse,
    config: config::Admin,
    last: Arc<Mutex<Option<(Instant, Findings)>>>,
}

/// What was found of each dependency: `None` is well, text says what is not.
#[derive(Clone, Debug)]
struct Findings(Vec<(&'static str, Option<String>)>);

impl Health {
    pub fn new(app: &App, pulse: Pulse) -> Self {
        Self {
            app: app.clone(),
            lifecycle: app.lifecycle.clone(),
            pulse,
            config: app.config.admin.clone(),
            last: Arc::default(),
        }
    }

    /// The dependencies' state, asked at most once an interval however many ask here.
    async fn findings(&self) -> Findings {
        let mut last = self.last.lock().await;
        match &*last {
            Some((when, findings)) if when.elapsed() < self.config.ready_interval => {
                findings.clone()
            }
            _ => {
                let findings = self.ask().await;
                *last = Some((Instant::now(), findings.clone()));
                findings
            }
        }
    }

    async fn ask(&self) -> Findings {
        let deadline = Deadline::after(CHECK_TIMEOUT);
        let database = match self.app.database.ping(deadline).await {
            Ok(()) => None,
            Err(error) => Some(error.to_string()),
        };
        let migrations = match timeout(CHECK_TIMEOUT, self.app.database.pending_migrations()).await
        {
            Ok(Ok(pending)) if pending.is_empty() => None,
            Ok(Ok(pending)) => Some(format!("pending: {}", pending.join(", "))),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        let keys = (!self.app.authenticator.is_ready())
            .then(|| "no key set could be loaded yet".to_owned());
        Findings(vec![
            ("database", database),
            ("migrations", migrations),
            ("keys", keys),
        ])
    }
}

/// `/live` and `/ready`, and nothing else.
pub fn router(health: Health) -> Router {
    Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state(health)
}

/// Fails when the process should be killed. It never asks a dependency: that one is down is no reason to
/// restart this one.
async fn live(State(health): State<Health>) -> Response {
    let age = health.pulse.age();
    let stuck = (age > health.config.live_timeout)
        .then(|| format!("{TURNS} has not turned for {} s", age.as_secs()));
    answer(Findings(vec![("accept", stuck)]))
}

/// Fails when no request should be sent here.
async fn ready(State(health): State<Health>) -> Response {
    let mut findings = health.findings().await;
    let draining = health
        .lifecycle
        .is_draining()
        .then(|| "the process is stopping".to_owned());
    findings.0.push(("draining", draining));
    answer(findings)
}

fn answer(findings: Findings) -> Response {
    let is_well = findings.0.iter().all(|(_, problem)| problem.is_none());
    let checks: Map<String, Value> = findings
        .0
        .into_iter()
        .map(|(name, problem)| match problem {
            None => (name.to_owned(), json!({ "status": "pass" })),
            Some(output) => (
                name.to_owned(),
                json!({ "status": "fail", "output": output }),
            ),
        })
        .collect();
    let (status, word) = if is_well {
        (StatusCode::OK, "pass")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "fail")
    };
    let mut response = (status, Json(json!({ "status": word, "checks": checks }))).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
