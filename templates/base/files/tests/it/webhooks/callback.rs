//! A job's end, told to whoever asked for it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{TENANT, change, read, register, secret, work};
use crate::support::{
    Client, Server,
    client::{header, problem},
    eventually,
    receiver::{Received, Receiver},
};

async fn ask(client: &Client, url: &str) -> String {
    let body = json!({ "title": "all", "callback_url": url });
    let key = Uuid::now_v7().to_string();
    let answer = client.post_with_key("/v1/reports", &key, &body).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    header(&answer, "location").to_owned()
}

/// What the receiver was told; it must be of this job.
fn told(received: &Received, job: &str) -> Value {
    let body: Value = serde_json::from_str(&received.body).expect("JSON");
    assert_eq!(body["type"], "report.finished");
    assert_eq!(
        format!("/v1/jobs/{}", body["data"]["job"].as_str().expect("an id")),
        job
    );
    body["data"]["state"].clone()
}

#[tokio::test]
async fn a_success_is_told() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([]).await;
    let endpoint = register(&client, &receiver).await;
    let job = ask(&client, &format!("{}?order=7", receiver.url())).await;
    let received = receiver.receives(1).await;
    assert_eq!(told(&received, &job), "succeeded");
    assert_eq!(received.target, "/hook?order=7");
    assert!(received.is_signed_with(&secret(&client, &endpoint).await));
    // Whoever is told finds it so.
    assert_eq!(read(&client, &job).await["state"], "succeeded");
}

#[tokio::test]
async fn a_death_is_told() {
    let server = Server::start().await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([]).await;
    register(&client, &receiver).await;
    let job = ask(&client, &receiver.url()).await;
    change(
        &server.app,
        "UPDATE jobs SET payload = '7' WHERE kind = 'report'",
    )
    .await;
    work(&server.app);
    assert_eq!(told(&receiver.receives(1).await, &job), "dead");
}

#[tokio::test]
async fn a_death_of_which_the_worker_did_not_live_to_tell_is_told() {
    let server = Server::start().await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([]).await;
    register(&client, &receiver).await;
    let job = ask(&client, &receiver.url()).await;
    let killed = "UPDATE jobs SET state = 'running', attempts = max_attempts, lease_until = 0,
                    lease_token = id WHERE kind = 'report'";
    change(&server.app, killed).await;
    work(&server.app);
    assert_eq!(told(&receiver.receives(1).await, &job), "dead");
}

#[tokio::test]
async fn a_cancelled_job_is_told_once() {
    let server = Server::start().await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([]).await;
    let endpoint = register(&client, &receiver).await;
    let job = ask(&client, &receiver.url()).await;
    for _ in 0..3 {
        let cancelled = client.request(Method::DELETE, &job).send().await;
        assert_eq!(cancelled.expect("an answer").status(), 200);
    }
    let deliveries = read(&client, &format!("{endpoint}/deliveries")).await;
    assert_eq!(deliveries["items"].as_array().expect("items").len(), 1);
    work(&server.app);
    assert_eq!(told(&receiver.receives(1).await, &job), "cancelled");
}

/// The job does not end without its message.
#[tokio::test]
async fn the_end_and_its_message_commit_together_or_not_at_all() {
    let server = Server::start().await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([]).await;
    register(&client, &receiver).await;
    let job = ask(&client, &receiver.url()).await;
    change(&server.app, "ALTER TABLE webhook_deliveries RENAME TO away").await;
    work(&server.app);
    let failed = eventually("a failure", async || {
        let job = read(&client, &job).await;
        job["error"].is_string().then_some(job)
    })
    .await;
    assert_eq!(
        (&failed["state"], &failed["result"]),
        (&json!("queued"), &json!(null))
    );
    change(&server.app, "ALTER TABLE away RENAME TO webhook_deliveries").await;
    change(&server.app, "UPDATE jobs SET run_at = 0, rank = 0").await;
    assert_eq!(told(&receiver.receives(1).await, &job), "succeeded");
}

/// Whoever asks again with the same key wants to know what became of the first.
#[tokio::test]
async fn a_request_that_comes_again_is_answered_as_before_whatever_became_of_its_endpoint() {
    let server = Server::start().await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([]).await;
    let endpoint = register(&client, &receiver).await;
    let body = json!({ "title": "all", "callback_url": receiver.url() });
    let ask = async || {
        let answer = client.post_with_key("/v1/reports", "again", &body).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        header(&answer, "location").to_owned()
    };
    let job = ask().await;
    let removed = client.request(Method::DELETE, &endpoint).send().await;
    assert_eq!(removed.expect("an answer").status(), 204);
    assert_eq!(ask().await, job);
}

#[tokio::test]
async fn only_an_endpoint_of_the_tenant_is_called_back() {
    let server = Server::start().await;
    let (client, neighbour) = (server.client(TENANT), server.client("b"));
    let receiver = Receiver::start([]).await;
    register(&neighbour, &receiver).await;
    let refused = async |url: &str| {
        let body = json!({ "title": "all", "callback_url": url });
        let key = Uuid::now_v7().to_string();
        let answer = client.post_with_key("/v1/reports", &key, &body).await;
        let refused = problem(answer, 422).await;
        assert_eq!(refused["errors"][0]["pointer"], "/callback_url");
        refused["errors"][0]["detail"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    for url in ["http://169.254.169.254/", "file:///etc/passwd", ""] {
        refused(url).await;
    }
    let said = refused(&receiver.url()).await;
    assert_eq!(said, "is not the URL of a webhook endpoint of yours");
    register(&client, &receiver).await;
    let said = refused(&format!("{}/other", receiver.url())).await;
    assert_eq!(said, "is not the URL of a webhook endpoint of yours");
    change(
        &server.app,
        "UPDATE webhook_endpoints SET disabled = 'gone'",
    )
    .await;
    let said = refused(&receiver.url()).await;
    assert_eq!(said, "leads to a webhook endpoint that is disabled");
}
