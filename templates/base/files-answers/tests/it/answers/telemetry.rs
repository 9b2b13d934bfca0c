//! What a call to the model was and what it cost is told, however it ended; what was said in it is not.

use opentelemetry_proto::tonic::{
    metrics::v1::{NumberDataPoint, number_data_point},
    trace::v1::Span,
};
use reqwest::Method;
use service::simulator::Simulator;
use temp_dir::TempDir;

use super::{PATH, Reader, process, question};
use crate::support::{
    Client, Process, eventually,
    otlp::{Collector, attribute},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Words of a question that nobody else says.
const SECRET: &str = "swordfish";

/// A process that exports at once.
struct Exporting {
    collector: Collector,
    client: Client,
    _service: Process,
    _folder: TempDir,
}

impl Exporting {
    async fn start(more: &[(&str, &str)]) -> Self {
        let collector = Collector::start().await;
        let provider = Simulator::start().await.expect("a simulator");
        let folder = TempDir::new().expect("a folder");
        let endpoint = collector.endpoint();
        let mut variables = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
            ("APP__LLM__MODEL", "small"),
            ("APP__LLM__PRICES", "small=1/2,text-embedding-3-small=0"),
        ];
        variables.extend(more);
        let service = process(folder.path(), &provider, &variables).await;
        let client = service.client("a").await;
        Self {
            collector,
            client,
            _service: service,
            _folder: folder,
        }
    }

    async fn ask(&self, words: &str) -> Reader {
        let request = self.client.request(Method::POST, PATH);
        let request = request
            .header("accept", "text/event-stream")
            .header("traceparent", TRACEPARENT)
            .json(&question(words));
        Reader::of(request.send().await.expect("an answer"))
    }

    /// The span of the only call.
    async fn call(&self) -> Span {
        eventually("the span of the call", async || {
            let mut spans = self.collector.spans().into_iter();
            spans.find(|span| span.name == "chat small")
        })
        .await
    }

    async fn cost(&self) -> i64 {
        eventually("the cost", async || {
            let mut points = self.collector.numbers("app.llm.cost").into_iter();
            // What the question's vector cost is counted beside it.
            let is_chat = |point: &NumberDataPoint| {
                let operation = attribute(&point.attributes, "gen_ai.operation.name");
                operation.as_deref() == Some("chat")
            };
            match points.rfind(is_chat)?.value? {
                number_data_point::Value::AsInt(cost) => Some(cost),
                number_data_point::Value::AsDouble(cost) => panic!("a fraction: {cost}"),
            }
        })
        .await
    }
}

fn number(span: &Span, name: &str) -> i64 {
    let text = attribute(&span.attributes, name).unwrap_or_else(|| panic!("no {name}"));
    text.parse().expect("a number")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_call_is_part_of_its_requests_trace_with_its_tokens_and_its_price() {
    let exporting = Exporting::start(&[]).await;
    exporting
        .ask(&format!("tokens=7]] {SECRET} [["))
        .await
        .rest()
        .await;
    let span = exporting.call().await;
    assert_eq!(hex(&span.trace_id), TRACE);
    assert_eq!(number(&span, "gen_ai.usage.output_tokens"), 7);
    let input = number(&span, "gen_ai.usage.input_tokens");
    // A dollar and two for a million tokens.
    assert_eq!(exporting.cost().await, input * 1_000 + 7 * 2_000);
    let tokens = exporting.collector.histogram("gen_ai.client.token.usage");
    assert!(!tokens.is_empty());
    assert!(!exporting.collector.has_seen(SECRET));
}

#[tokio::test]
async fn a_call_whose_client_left_is_told_too() {
    let exporting = Exporting::start(&[]).await;
    let mut reader = exporting.ask("never_end gap=10ms").await;
    reader.some(6).await;
    drop(reader);
    let span = exporting.call().await;
    let error = attribute(&span.attributes, "error.type");
    assert_eq!(error.as_deref(), Some("cancelled"));
    assert!(number(&span, "gen_ai.usage.output_tokens") >= 5);
    assert!(exporting.cost().await > 0);
}

#[tokio::test]
async fn prompts_are_recorded_where_that_is_asked_for() {
    let exporting = Exporting::start(&[("APP__LLM__RECORD_PROMPTS", "true")]).await;
    exporting.ask(&format!("]] {SECRET} [[")).await.rest().await;
    let span = exporting.call().await;
    let messages = attribute(&span.attributes, "gen_ai.input.messages");
    assert!(messages.is_some_and(|text| text.contains(SECRET)));
}
