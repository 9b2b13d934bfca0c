//! Where telemetry goes: to an OTLP collector, over the service's own HTTP client.
//!
//! Each signal has a bounded queue and a thread of its own. A collector that is slow, silent or gone costs
//! that thread's time and what no longer fits the queue, never a request's.

use std::{
    env, fmt,
    sync::{Arc, LazyLock},
    time::Duration,
};

use anyhow::Context as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{
    LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    logs::SdkLoggerProvider,
    metrics::SdkMeterProvider,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::{Sampler, SdkTracerProvider},
};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{
    courier::{Courier, Losses},
    metrics,
};
use crate::config::Stage;

/// For an attempt to export, as the specification has it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Who this process is, among all that report.
pub(super) static INSTANCE: LazyLock<String> = LazyLock::new(|| Uuid::now_v7().to_string());

/// What carries each signal; none where the signal is not exported.
#[derive(Debug)]
pub(super) struct Providers {
    /// Always there: without a collector too, log lines and outgoing requests carry trace ids.
    pub(super) tracer: SdkTracerProvider,
    pub(super) meter: Option<SdkMeterProvider>,
    pub(super) logger: Option<SdkLoggerProvider>,
}

impl Providers {
    /// Where this process does one job of another, that one is the instance. It counts the attempt; what the job's calls
    /// would count is on their spans.
    pub(super) fn new(
        stage: Stage,
        client: &reqwest::Client,
        worker: Option<&str>,
    ) -> anyhow::Result<Self> {
        let runtime = Handle::try_current().context("telemetry starts inside the runtime")?;
        let couriers = Couriers {
            client: client.clone(),
            runtime: runtime.clone(),
            losses: Arc::default(),
        };
        let resource = resource(stage, worker.unwrap_or(&INSTANCE));
        let meter = match worker {
            Some(_) => None,
            None => couriers.meter(&resource)?,
        };
        if let Some(meter) = &meter {
            // Before the other two are made: their queues count what does not fit.
            global::set_meter_provider(meter.clone());
            metrics::runtime(&runtime);
        }
        Ok(Self {
            tracer: couriers.tracer(&resource)?,
            meter,
            logger: couriers.logger(&resource)?,
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// Whether the environment names a collector for it.
    fn is_exported(self) -> bool {
        let is_off = variable(&format!("OTEL_{self}_EXPORTER")).is_some_and(|name| name == "none");
        self.setting("ENDPOINT").is_some() && !is_off
    }

    fn timeout(self) -> Duration {
        self.setting("TIMEOUT")
            .and_then(|millis| millis.parse().ok())
            .map_or(DEFAULT_TIMEOUT, Duration::from_millis)
    }

    /// The signal's own variable, or the one for all.
    fn setting(self, name: &str) -> Option<String> {
        variable(&format!("OTEL_EXPORTER_OTLP_{self}_{name}"))
            .or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")))
    }
}

impl fmt::Display for Signal {
    /// As it stands in the names of variables.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().to_ascii_uppercase())
    }
}

/// A variable that is set to the empty text counts as not set.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

pub(super) fn is_disabled() -> bool {
    variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// A protocol that the environment asks for and that this service does not speak.
pub(super) fn foreign_protocol() -> Option<String> {
    variable("OTEL_EXPORTER_OTLP_PROTOCOL").filter(|protocol| protocol != "http/protobuf")
}

/// Who speaks. What the environment says comes last, so it wins.
fn resource(stage: Stage, instance: &str) -> Resource {
    let environment = match stage {
        Stage::Development => "development",
        Stage::Production => "production",
    };
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_owned()),
            KeyValue::new("deployment.environment.name", environment),
        ])
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match variable("OTEL_SERVICE_NAME") {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// As the caller decided; a trace that starts here is recorded unless `OTEL_TRACES_SAMPLER_ARG` thins them, or
/// nobody would be sent it. Ids there are always.
fn sampler() -> Sampler {
    let ratio = variable("OTEL_TRACES_SAMPLER_ARG").and_then(|ratio| ratio.parse().ok());
    let start = match ratio.unwrap_or(1.0) {
        ratio if Signal::Traces.is_exported() => Sampler::TraceIdRatioBased(ratio),
        _ => Sampler::AlwaysOff,
    };
    Sampler::ParentBased(Box::new(start))
}

struct Couriers {
    client: reqwest::Client,
    runtime: Handle,
    losses: Arc<Losses>,
}

impl Couriers {
    fn tracer(&self, resource: &Resource) -> anyhow::Result<SdkTracerProvider> {
        let mut provider = SdkTracerProvider::builder().with_resource(resource.clone());
        // The SDK reads OTEL_TRACES_SAMPLER itself.
        if variable("OTEL_TRACES_SAMPLER").is_none() {
            provider = provider.with_sampler(sampler());
        }
        if Signal::Traces.is_exported() {
            let exporter = SpanExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_http_client(self.courier(Signal::Traces))
                .build()?;
            provider = provider.with_batch_exporter(exporter);
        }
        Ok(provider.build())
    }

    fn meter(&self, resource: &Resource) -> anyhow::Result<Option<SdkMeterProvider>> {
        if !Signal::Metrics.is_exported() {
            return Ok(None);
        }
        let exporter = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(self.courier(Signal::Metrics))
            .build()?;
        let provider = SdkMeterProvider::builder()
            .with_resource(resource.clone())
            .with_periodic_exporter(exporter)
            .build();
        Ok(Some(provider))
    }

    fn logger(&self, resource: &Resource) -> anyhow::Result<Option<SdkLoggerProvider>> {
        if !Signal::Logs.is_exported() {
            return Ok(None);
        }
        let exporter = LogExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(self.courier(Signal::Logs))
            .build()?;
        let provider = SdkLoggerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(provider))
    }

    fn courier(&self, signal: Signal) -> Courier {
        Courier {
            signal: signal.name(),
            client: self.client.clone(),
            runtime: self.runtime.clone(),
            timeout: signal.timeout(),
            losses: self.losses.clone(),
        }
    }
}
