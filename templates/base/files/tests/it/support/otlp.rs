//! A collector that keeps what it is sent.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, routing::post};
use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{KeyValue, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint, metric::Data},
    resource::v1::Resource,
    trace::v1::Span,
};
use prost::Message;
use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) struct Collector {
    address: SocketAddr,
    received: Received,
    _running: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Received(Arc<Mutex<Exports>>);

#[derive(Default)]
struct Exports {
    traces: Vec<ExportTraceServiceRequest>,
    metrics: Vec<ExportMetricsServiceRequest>,
    logs: Vec<ExportLogsServiceRequest>,
    bytes: Vec<u8>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let received = Received::default();
        let routes = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/metrics", post(metrics))
            .route("/v1/logs", post(logs))
            .with_state(received.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = async { axum::serve(listener, routes).await.expect("no end") };
        Self {
            address,
            received,
            _running: tokio::spawn(serving),
        }
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let exports = self.received.0.lock().expect("no panic");
        let resources = exports
            .traces
            .iter()
            .flat_map(|export| &export.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    pub(crate) fn logs(&self) -> Vec<LogRecord> {
        let exports = self.received.0.lock().expect("no panic");
        let resources = exports.logs.iter().flat_map(|export| &export.resource_logs);
        let scopes = resources.flat_map(|resource| &resource.scope_logs);
        scopes.flat_map(|scope| scope.log_records.clone()).collect()
    }

    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let exports = self.received.0.lock().expect("no panic");
        let resources = exports
            .metrics
            .iter()
            .flat_map(|export| &export.resource_metrics);
        let scopes = resources.flat_map(|resource| &resource.scope_metrics);
        scopes.flat_map(|scope| scope.metrics.clone()).collect()
    }

    /// The last state of a histogram that was sent.
    pub(crate) fn histogram(&self, name: &str) -> Vec<HistogramDataPoint> {
        let metric = self
            .metrics()
            .into_iter()
            .rfind(|metric| metric.name == name);
        match metric.and_then(|metric| metric.data) {
            Some(Data::Histogram(histogram)) => histogram.data_points,
            other => panic!("{name} is no histogram: {other:?}"),
        }
    }

    /// The points of a sum or of a gauge that were sent, of all exports.
    pub(crate) fn numbers(&self, name: &str) -> Vec<NumberDataPoint> {
        let metrics = self
            .metrics()
            .into_iter()
            .filter(|metric| metric.name == name);
        let points = metrics.filter_map(|metric| match metric.data? {
            Data::Sum(sum) => Some(sum.data_points),
            Data::Gauge(gauge) => Some(gauge.data_points),
            _ => None,
        });
        points.flatten().collect()
    }

    /// Who sent the spans.
    pub(crate) fn resource(&self) -> Resource {
        let exports = self.received.0.lock().expect("no panic");
        let resources = exports
            .traces
            .iter()
            .flat_map(|export| &export.resource_spans);
        let mut resources = resources.filter_map(|spans| spans.resource.clone());
        resources.next().expect("an export of spans")
    }

    /// All that sent spans, metrics or log lines.
    pub(crate) fn instances(&self) -> BTreeSet<String> {
        let exports = self.received.0.lock().expect("no panic");
        let traces = exports
            .traces
            .iter()
            .flat_map(|export| &export.resource_spans);
        let metrics = exports
            .metrics
            .iter()
            .flat_map(|export| &export.resource_metrics);
        let logs = exports.logs.iter().flat_map(|export| &export.resource_logs);
        let resources = traces
            .map(|of| &of.resource)
            .chain(metrics.map(|of| &of.resource))
            .chain(logs.map(|of| &of.resource));
        let ids = resources.flatten().map(|resource| {
            let id = attribute(&resource.attributes, "service.instance.id");
            id.expect("an instance")
        });
        ids.collect()
    }

    /// Whether `text` is anywhere in what was sent.
    pub(crate) fn has_seen(&self, text: &str) -> bool {
        let exports = self.received.0.lock().expect("no panic");
        exports
            .bytes
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    }
}

impl Received {
    fn take<Export: Message + Default>(
        &self,
        body: &Bytes,
        exports: impl FnOnce(&mut Exports) -> &mut Vec<Export>,
    ) {
        let export = Export::decode(body.clone()).expect("an OTLP request");
        let mut received = self.0.lock().expect("no panic");
        received.bytes.extend_from_slice(body);
        exports(&mut received).push(export);
    }
}

async fn traces(State(received): State<Received>, body: Bytes) {
    received.take(&body, |exports| &mut exports.traces);
}

async fn metrics(State(received): State<Received>, body: Bytes) {
    received.take(&body, |exports| &mut exports.metrics);
}

async fn logs(State(received): State<Received>, body: Bytes) {
    received.take(&body, |exports| &mut exports.logs);
}

/// The text or the number that an attribute is.
pub(crate) fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{name} is neither text nor a number: {other:?}"),
    }
}
