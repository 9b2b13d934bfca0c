//! What becomes of it where the collector is slow or gone, or the process ends.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
use reqwest::StatusCode;
use tokio::net::{TcpListener, TcpStream};

use super::{Exporting, TRACE, hex, server_spans};
use crate::support::{
    eventually,
    otlp::{Collector, attribute},
};

/// Longer than any test: what arrives was flushed.
const NEVER: &str = "600000";

/// Half of what an exporter waits for its collector.
const QUICK: Duration = Duration::from_secs(5);

/// What the flush may take, and what a loaded machine adds to it.
const LONGEST_EXIT: Duration = Duration::from_secs(3 + 5);

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
        assert!(took < QUICK, "a request took {took:?}");
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
        let points = collector.numbers("otel.sdk.processor.span.processed");
        points.into_iter().find(is_drop)
    };
    eventually("the count of what was dropped", dropped).await;
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
