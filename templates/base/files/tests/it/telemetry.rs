//! What the service tells of itself reaches a collector, and costs nobody anything when there is none.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::{
    metrics::v1::{NumberDataPoint, number_data_point},
    trace::v1::{Span, span::SpanKind},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use temp_dir::TempDir;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{
    Client, Process, document, eventually,
    otlp::{Collector, attribute},
};

/// Longer than any test: what arrives was flushed.
const NEVER: &str = "600000";

/// What the flush may take, and what a loaded machine adds to it.
const LONGEST_EXIT: Duration = Duration::from_secs(3 + 5);

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A process that exports at once, and its caller.
struct Exporting {
    process: Process,
    client: Client,
    _folder: TempDir,
}

impl Exporting {
    async fn to(endpoint: &str, more: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut variables = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "50"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
            ("APP__LOG__FORMAT", "json"),
        ];
        variables.extend(more);
        let process = Process::start(folder.path(), &variables).await;
        let client = process.client("ada").await;
        Self {
            process,
            client,
            _folder: folder,
        }
    }

    async fn get_in_trace(&self, flags: &str) {
        let request = self.client.request(Method::GET, "/v1/documents");
        let traceparent = format!("00-{TRACE}-{PARENT}-{flags}");
        let answer = request.header("traceparent", traceparent).send().await;
        assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    }

    /// Its log lines so far that have `text`.
    fn lines_with(&self, text: &str) -> Vec<Value> {
        let log = self.process.log();
        let lines = log.lines().filter(|line| line.contains(text));
        lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// How long its end took.
    async fn end(self) -> Duration {
        let begun = Instant::now();
        assert!(self.process.terminate().await.success());
        begun.elapsed()
    }
}

fn server_spans(collector: &Collector) -> Vec<Span> {
    let is_server = |span: &Span| span.kind == SpanKind::Server as i32;
    collector.spans().into_iter().filter(is_server).collect()
}

#[tokio::test]
async fn a_request_is_a_span_in_its_callers_trace() {
    let collector = Collector::start().await;
    let service = Exporting::to(&collector.endpoint(), &[]).await;
    service.get_in_trace("01").await;
    let arrived = async || server_spans(&collector).pop();
    let span = eventually("the span", arrived).await;
    assert_eq!(hex(&span.trace_id), TRACE);
    assert_eq!(hex(&span.parent_span_id), PARENT);
    assert_eq!(span.name, "GET /v1/documents");
    let attribute_of = |name| attribute(&span.attributes, name);
    assert_eq!(attribute_of("http.request.method").as_deref(), Some("GET"));
    assert_eq!(attribute_of("http.route").as_deref(), Some("/v1/documents"));
    assert_eq!(
        attribute_of("http.response.status_code").as_deref(),
        Some("200")
    );
    assert_eq!(attribute_of("url.path"), None);
    let name = attribute(&collector.resource().attributes, "service.name");
    assert_eq!(name.as_deref(), Some(env!("CARGO_PKG_NAME")));
}

/// The job outlives the request, and is part of its trace all the same.
#[tokio::test]
async fn a_job_is_a_span_in_the_trace_of_who_asked_for_it() {
    let collector = Collector::start().await;
    let service = Exporting::to(&collector.endpoint(), &[]).await;
    ask_in_trace(&service.client).await;
    let span = eventually("the span", async || {
        let mut spans = collector.spans().into_iter();
        spans.find(|span| span.name == "process report")
    });
    let span = span.await;
    assert_eq!(hex(&span.trace_id), TRACE);
    assert_eq!(span.kind, SpanKind::Consumer as i32);
    let outcome = attribute(&span.attributes, "app.job.outcome");
    assert_eq!(outcome.as_deref(), Some("succeeded"));
}

/// One that has a process of its own is so too: that tells what it did, in the same trace.
#[tokio::test]
async fn a_jobs_own_process_is_part_of_the_trace() {
    let collector = Collector::start().await;
    let isolated = [("APP__JOBS__ISOLATION", "process")];
    let service = Exporting::to(&collector.endpoint(), &isolated).await;
    ask_in_trace(&service.client).await;
    let named = async |name| {
        eventually(name, async || {
            let mut spans = collector.spans().into_iter();
            spans.find(|span| span.name == name)
        })
        .await
    };
    let (inner, outer) = (named("run report").await, named("process report").await);
    assert_eq!(hex(&inner.trace_id), TRACE);
    assert_eq!(inner.parent_span_id, outer.span_id);
}

async fn ask_in_trace(client: &Client) {
    let request = client.request(Method::POST, "/v1/reports");
    let request = request
        .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
        .header("idempotency-key", "k")
        .json(&json!({ "title": "traced" }));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_trace_that_its_caller_does_not_record_is_not_recorded_here() {
    let collector = Collector::start().await;
    let service = Exporting::to(&collector.endpoint(), &[]).await;
    service.get_in_trace("00").await;
    service.get_in_trace("01").await;
    service.end().await;
    assert_eq!(server_spans(&collector).len(), 1);
}

#[tokio::test]
async fn log_lines_name_their_trace() {
    let collector = Collector::start().await;
    let service = Exporting::to(&collector.endpoint(), &[]).await;
    service.get_in_trace("01").await;
    let line = eventually("the line", async || service.lines_with(TRACE).pop()).await;
    assert_eq!(
        line["message"]
            .as_str()
            .map(|text| text.contains("GET /v1/documents 200")),
        Some(true)
    );
    assert_eq!(line["status"], 200);
    assert!(line["request_id"].is_string() && line["duration_ms"].is_number());
    let record = eventually("the record", async || {
        let mut records = collector.logs().into_iter();
        records.find(|record| hex(&record.trace_id) == TRACE)
    });
    assert_eq!(line["span_id"], hex(&record.await.span_id));
}

#[tokio::test]
async fn made_up_paths_and_methods_are_one_label() {
    let collector = Collector::start().await;
    let service = Exporting::to(
        &collector.endpoint(),
        &[("OTEL_BSP_MAX_QUEUE_SIZE", "4096")],
    )
    .await;
    for number in 0..1000 {
        let path = format!("/made-up-{number}");
        assert_eq!(
            service.client.get(&path).await.status(),
            StatusCode::NOT_FOUND
        );
    }
    for number in 0..20 {
        let method = format!("MADE{number}").parse().expect("a method");
        let request = service.client.request(method, "/v1/documents");
        request.send().await.expect("an answer");
    }
    service.end().await;
    let points = collector.histogram("http.server.request.duration");
    let of_made_up_paths = points
        .iter()
        .find(|point| attribute(&point.attributes, "http.route").is_none());
    assert_eq!(of_made_up_paths.expect("a point").count, 1000);
    assert_eq!(points.len(), 2, "{points:#?}");
    let names: BTreeSet<String> = server_spans(&collector)
        .into_iter()
        .map(|span| span.name)
        .collect();
    let expected = ["GET", "_OTHER /v1/documents"].map(str::to_owned);
    assert_eq!(names, BTreeSet::from(expected));
    assert!(!collector.has_seen("made-up"));
    assert!(!collector.has_seen("MADE"));
}

#[tokio::test]
async fn the_last_request_arrives_though_the_process_is_told_to_stop() {
    let collector = Collector::start().await;
    let delays = [
        ("OTEL_BSP_SCHEDULE_DELAY", NEVER),
        ("OTEL_BLRP_SCHEDULE_DELAY", NEVER),
        ("OTEL_METRIC_EXPORT_INTERVAL", NEVER),
    ];
    let service = Exporting::to(&collector.endpoint(), &delays).await;
    service.get_in_trace("01").await;
    service.end().await;
    assert_eq!(hex(&server_spans(&collector).remove(0).trace_id), TRACE);
    let counts = collector.histogram("http.server.request.duration");
    assert_eq!(counts.iter().map(|point| point.count).sum::<u64>(), 1);
    assert!(
        collector
            .logs()
            .iter()
            .any(|record| hex(&record.trace_id) == TRACE)
    );
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_nothing() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", gone.local_addr().expect("an address"));
    drop(gone);
    serves_as_if_there_were_no_collector(&endpoint).await;
}

#[tokio::test]
async fn a_collector_that_never_answers_costs_nothing() {
    serves_as_if_there_were_no_collector(&silent().await).await;
}

/// A queue of two is full from the second request on, and its thread waits for the collector all along.
async fn serves_as_if_there_were_no_collector(endpoint: &str) {
    let queue = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "2"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "2"),
    ];
    let service = Exporting::to(endpoint, &queue).await;
    for _ in 0..50 {
        let begun = Instant::now();
        assert_eq!(
            service.client.get("/v1/documents").await.status(),
            StatusCode::OK
        );
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(1), "a request took {took:?}");
    }
    let took = service.end().await;
    assert!(took < LONGEST_EXIT, "the end took {took:?}");
}

/// An endpoint that accepts connections and never says a word.
async fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut held: Vec<TcpStream> = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn what_does_not_fit_the_queue_is_counted() {
    let (collector, silent) = (Collector::start().await, silent().await);
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", silent.as_str()),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "2"),
    ];
    let service = Exporting::to(&collector.endpoint(), &variables).await;
    for _ in 0..20 {
        service.get_in_trace("01").await;
    }
    let is_drop = |point: &NumberDataPoint| {
        attribute(&point.attributes, "error.type").as_deref() == Some("queue_full")
    };
    let dropped = async || {
        let points = collector.sums("otel.sdk.processor.span.processed");
        points.into_iter().find(is_drop)
    };
    eventually("the count of what was dropped", dropped).await;
}

#[tokio::test]
async fn what_is_measured_has_standard_names() {
    let collector = Collector::start().await;
    let service = Exporting::to(&collector.endpoint(), &[]).await;
    service.get_in_trace("01").await;
    service.end().await;
    let metrics = collector.metrics().into_iter();
    let names: BTreeSet<String> = metrics.map(|metric| metric.name).collect();
    for name in [
        "http.server.request.duration",
        "http.server.active_requests",
        "db.client.connection.count",
        "db.client.connection.use_time",
        "app.request.db_statements",
        "app.runtime.tasks",
    ] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    let active = collector.sums("http.server.active_requests").pop();
    let active = active.and_then(|point| point.value);
    assert_eq!(active, Some(number_data_point::Value::AsInt(0)));
}

#[tokio::test]
async fn nothing_that_a_caller_sends_is_recorded() {
    let collector = Collector::start().await;
    let service = Exporting::to(
        &collector.endpoint(),
        &[("APP__LOG__FILTER", "info,service=trace")],
    )
    .await;
    let secret = "hunter2-told-nobody";
    let request = service
        .client
        .request(Method::GET, "/")
        .build()
        .expect("a request");
    let credential = request.headers()["authorization"].to_str().expect("text");
    let token = credential.strip_prefix("Bearer ").expect("a bearer token");

    let created = service
        .client
        .post("/v1/documents", &document(secret))
        .await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let malformed = service
        .client
        .request(Method::POST, "/v1/documents")
        .header("cookie", secret);
    let malformed = malformed
        .header("content-type", "application/json")
        .body(format!("{{{secret}"));
    assert!(
        malformed
            .send()
            .await
            .expect("an answer")
            .status()
            .is_client_error()
    );
    service
        .client
        .get(&format!("/v1/documents?limit={secret}"))
        .await;
    service.client.get(&format!("/{secret}")).await;
    Client::new(service.process.address)
        .credential(secret)
        .get("/v1/documents")
        .await;

    let logged = async || (service.lines_with("duration_ms").len() == 5).then_some(());
    eventually("a line a request", logged).await;
    let log = service.process.log();
    service.end().await;
    assert_eq!(server_spans(&collector).len(), 5);
    for text in [secret, token] {
        assert!(!log.contains(text), "{text} is in the log: {log}");
        assert!(!collector.has_seen(text), "{text} was exported");
    }
}

#[tokio::test]
async fn switched_off_nothing_is_exported_and_logs_go_on() {
    let collector = Collector::start().await;
    let service = Exporting::to(&collector.endpoint(), &[("OTEL_SDK_DISABLED", "true")]).await;
    service.get_in_trace("01").await;
    eventually("the line", async || {
        service.lines_with("GET /v1/documents").pop()
    })
    .await;
    service.end().await;
    assert!(
        collector.spans().is_empty()
            && collector.metrics().is_empty()
            && collector.logs().is_empty()
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
