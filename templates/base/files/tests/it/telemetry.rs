//! What the service tells of itself reaches a collector, and costs nobody anything when there is none.

mod collector;
mod measurements;
mod secrets;
mod traces;

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use temp_dir::TempDir;

use crate::support::{Client, Process, otlp::Collector};

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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
