//! What is measured, and under which names.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use reqwest::StatusCode;

use super::{Exporting, server_spans};
use crate::support::{
    eventually,
    otlp::{Collector, attribute},
};

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
    let active = collector.numbers("http.server.active_requests").pop();
    let active = active.and_then(|point| point.value);
    assert_eq!(active, Some(number_data_point::Value::AsInt(0)));
}

/// Else the last number that was told would stay for ever, and so would its alert.
#[tokio::test]
async fn that_there_are_no_jobs_is_told_too() {
    let collector = Collector::start().await;
    let service = Exporting::to(&collector.endpoint(), &[]).await;
    eventually("a look at the jobs", async || {
        (!collector.numbers("app.jobs").is_empty()).then_some(())
    })
    .await;
    service.end().await;
    let states: BTreeSet<String> = collector
        .numbers("app.jobs")
        .into_iter()
        .filter(|point| point.value == Some(number_data_point::Value::AsInt(0)))
        .filter_map(|point| attribute(&point.attributes, "app.job.state"))
        .collect();
    assert_eq!(
        states,
        BTreeSet::from(["dead", "queued"].map(str::to_owned))
    );
}
