//! One trace from the caller through the request to the job, and the log lines that belong to it.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Exporting, PARENT, TRACE, hex, server_spans};
use crate::support::{
    Client, eventually,
    otlp::{Collector, attribute},
};

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
