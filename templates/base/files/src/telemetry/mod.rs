//! Traces, metrics and logs.
//!
//! Logs go to stderr. With `OTEL_EXPORTER_OTLP_ENDPOINT`, or a signal's own variable, telemetry also goes to
//! an OTLP collector over HTTP; the other standard `OTEL_*` variables hold too. What is never recorded:
//! headers, tokens, queries, bodies.

mod courier;
mod export;
mod log;
pub mod metrics;
pub mod names;
pub mod propagation;

use std::{panic, time::Duration};

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use tokio::{task::JoinSet, time::timeout};
use tracing::{Level, Metadata};
use tracing_subscriber::{
    Layer as _, Registry,
    filter::{LevelFilter, Targets, filter_fn},
    layer::SubscriberExt as _,
};

use self::{export::Providers, log::Lines};
use crate::{config::Config, external::http::Http};

/// What carries an export speaks too; exporting that would cause the next export, and so on for ever.
const OWN_TRAFFIC: [&str; 6] = [
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
    module_path!(),
];

/// What was started, to be shut down last.
#[must_use = "what is not shut down loses its last seconds"]
#[derive(Debug)]
pub struct Telemetry {
    /// None where `OTEL_SDK_DISABLED` is true.
    providers: Option<Providers>,
}

/// Starts telemetry for the process, from inside its runtime.
pub fn init(config: &Config, http: &Http) -> anyhow::Result<Telemetry> {
    let filter = config.log.filter.clone();
    let providers = if export::is_disabled() {
        None
    } else {
        Some(Providers::new(config.stage, http.client())?)
    };
    let spans = providers.as_ref().map(|providers| {
        tracing_opentelemetry::layer()
            .with_tracer(providers.tracer.tracer("service"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_filter(filter_fn(is_own_span).with_max_level_hint(LevelFilter::INFO))
    });
    let logs = providers.as_ref().and_then(|providers| {
        let logger = providers.logger.as_ref()?;
        Some(OpenTelemetryTracingBridge::new(logger).with_filter(without_own_traffic(&filter)))
    });
    let subscriber = Registry::default()
        .with(Lines::new(config.log.format).with_filter(filter))
        .with(spans)
        .with(logs);
    tracing::subscriber::set_global_default(subscriber).context("telemetry starts once")?;
    log_panics();
    if let Some(protocol) = export::foreign_protocol() {
        tracing::warn!(
            "OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}: this service speaks http/protobuf, \
             which collectors expect on port 4318"
        );
    }
    Ok(Telemetry { providers })
}

/// Other crates' spans say more of their insides than of this service.
fn is_own_span(metadata: &Metadata<'_>) -> bool {
    let crate_name = metadata.target().split("::").next();
    metadata.is_span() && *metadata.level() <= Level::INFO && crate_name == Some("service")
}

fn without_own_traffic(filter: &Targets) -> Targets {
    let off = OWN_TRAFFIC.map(|target| (target, LevelFilter::OFF));
    filter.clone().with_targets(off)
}

/// A panic is a log line as everything else is. Its text is the programmer's, not a caller's.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(location, "panicked: {message}");
    }));
}

impl Telemetry {
    /// Sends what is still here, and returns when that is done or `within` has passed, whatever the
    /// collector does.
    pub async fn shutdown(self, within: Duration) {
        let Some(Providers {
            tracer,
            meter,
            logger,
        }) = self.providers
        else {
            return;
        };
        // A flush blocks its thread, so none of it may be one of the runtime's own: they carry the exports.
        let mut flushes = JoinSet::new();
        flushes.spawn_blocking(move || tracer.shutdown_with_timeout(within));
        if let Some(meter) = meter {
            flushes.spawn_blocking(move || meter.shutdown_with_timeout(within));
        }
        if let Some(logger) = logger {
            flushes.spawn_blocking(move || logger.shutdown_with_timeout(within));
        }
        let results = timeout(within, flushes.join_all()).await;
        if !results.is_ok_and(|results| results.iter().all(Result::is_ok)) {
            tracing::warn!("the last telemetry did not reach the collector");
        }
    }
}
