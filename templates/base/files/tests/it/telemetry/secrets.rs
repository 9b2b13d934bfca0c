//! What callers send is theirs.

use reqwest::{Method, StatusCode};

use super::{Exporting, server_spans};
use crate::support::{Client, document, eventually, otlp::Collector};

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
