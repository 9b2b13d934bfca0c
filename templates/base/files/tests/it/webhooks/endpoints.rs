//! Endpoints as their tenant manages them.

use serde_json::json;

use super::{TENANT, change, read, register, register_url, secret, send};
use crate::support::{Server, client::problem, receiver::Receiver};

const PATH: &str = "/v1/webhook-endpoints";

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_one_before() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([]).await;
    let endpoint = register(&client, &receiver).await;
    let old = secret(&client, &endpoint).await;
    let rotate = format!("{endpoint}/secret/rotate");
    let rotated = client.post(&rotate, &json!({})).await;
    assert_eq!(rotated.status(), 200);
    let rotated: serde_json::Value = rotated.json().await.expect("JSON");
    let new = rotated["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(new, old);
    assert!(rotated["previous_until"].is_string());
    assert_eq!(read(&client, &format!("{endpoint}/secret")).await, rotated);

    send(&server.app, &endpoint, &receiver.url()).await;
    let received = receiver.receives(1).await;
    assert_eq!(received.signatures().len(), 2);
    assert!(received.is_signed_with(&old) && received.is_signed_with(&new));

    // Sent again, it must not push out the secret that the receiver knows.
    let again = problem(client.post(&rotate, &json!({})).await, 409).await;
    assert_eq!(again["type"], "urn:problem:webhook-secret-rotated");
    assert_eq!(secret(&client, &endpoint).await, new);

    change(
        &server.app,
        "UPDATE webhook_endpoints SET previous_until = 0",
    )
    .await;
    send(&server.app, &endpoint, &receiver.url()).await;
    let received = receiver.receives(2).await;
    assert_eq!(received.signatures().len(), 1);
    assert!(received.is_signed_with(&new) && !received.is_signed_with(&old));
    assert_eq!(client.post(&rotate, &json!({})).await.status(), 200);
}

#[tokio::test]
async fn secrets_are_sealed_in_the_database_and_in_no_answer_that_is_kept() {
    let server = Server::start().await;
    let client = server.client(TENANT);
    let body = json!({ "url": "http://127.0.0.1:9/hook" });
    let added = client.post_with_key(PATH, "k", &body).await;
    let path = added.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let told = added.text().await.expect("text");
    assert!(!told.contains("whsec_"), "{told}");
    let secret = secret(&client, &path).await;
    let bytes = std::fs::read_dir(&server.app.config.data.directory).expect("a folder");
    let secret = secret.strip_prefix("whsec_").expect("a secret");
    for file in bytes {
        let path = file.expect("a file").path();
        let held = std::fs::read(&path).expect("bytes");
        let is_there = held
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!is_there, "{}", path.display());
    }
}

#[tokio::test]
async fn endpoints_and_deliveries_are_listed_page_by_page() {
    let server = Server::start().await;
    let client = server.client(TENANT);
    let url = |number| format!("http://127.0.0.1:9/{number}");
    let mut paths = Vec::new();
    for number in 0..3 {
        paths.push(register_url(&client, &url(number)).await);
    }
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(send(&server.app, &paths[0], &url(0)).await);
    }
    sent.reverse();
    for (list, count) in [
        (PATH.to_owned(), 3),
        (format!("{}/deliveries", paths[0]), 5),
    ] {
        let mut ids = Vec::new();
        let mut next = format!("{list}?limit=2");
        loop {
            let page = read(&client, &next).await;
            let items = page["items"].as_array().expect("items");
            assert!(items.len() <= 2);
            ids.extend(items.iter().map(|item| item["id"].clone()));
            match page["next"].as_str() {
                Some(cursor) => next = format!("{list}?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(ids.len(), count);
        if count == 5 {
            assert_eq!(json!(ids), json!(sent), "the newest first");
        }
        problem(client.get(&format!("{list}?limit=0")).await, 400).await;
    }
}

#[tokio::test]
async fn a_url_is_an_endpoint_once_for_each_tenant() {
    let server = Server::start().await;
    let (client, neighbour) = (server.client(TENANT), server.client("b"));
    let body = json!({ "url": "http://127.0.0.1:9/hook" });
    assert_eq!(client.post(PATH, &body).await.status(), 201);
    let again = problem(client.post(PATH, &body).await, 409).await;
    assert_eq!(again["type"], "urn:problem:webhook-endpoint-exists");
    assert_eq!(neighbour.post(PATH, &body).await.status(), 201);
}
