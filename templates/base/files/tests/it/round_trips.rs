//! P13: what each operation costs the database, so that one more statement, or one a row, fails the build.

use std::collections::BTreeSet;

use reqwest::{Response, StatusCode};
use service::app::openapi;
use tokio::task::JoinSet;

use crate::support::{Client, Server, client::header, document, operation::Things};

/// Each operation of the OpenAPI document, and its statements, `BEGIN` and `COMMIT` included.
const COSTS: &[(&str, &str, u32)] = &[
    ("GET", "/v1/documents", 1),
    ("POST", "/v1/documents", 3),
    ("GET", "/v1/documents/{id}", 1),
    ("PUT", "/v1/documents/{id}", 4),
    ("DELETE", "/v1/documents/{id}", 3),
    ("GET", "/v1/usage", 1),
    // Its key is required, so what that costs is in it.
    ("POST", "/v1/reports", 4 + WITH_KEY),
    ("GET", "/v1/jobs/{id}", 1),
    ("GET", "/v1/jobs/{id}/events", 1),
    ("DELETE", "/v1/jobs/{id}", 4),
];

/// The same with an `Idempotency-Key`: the claim on it, which commits alone, and the answer that is stored.
const WITH_KEY: u32 = 2;

/// Of a request whose answer is stored: the claim that fails, and the answer.
const REPLAY: u32 = 2;

/// From `Server-Timing`, which is sent in development.
fn statements(response: &Response) -> u32 {
    let cost = header(response, "server-timing");
    let number = cost
        .strip_prefix("db;desc=\"")
        .and_then(|rest| rest.split(' ').next());
    let number = number.and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("no statements in {cost:?}"))
}

async fn cost(client: &Client, method: &str, template: &str) -> u32 {
    let things = Things::of(client).await;
    let sent = things.request(client, method, template).send().await;
    let response = sent.expect("an answer");
    let (status, statements) = (response.status(), statements(&response));
    if !status.is_success() {
        let said = response.text().await.unwrap_or_default();
        panic!("{method} {template}: {status} {said}");
    }
    statements
}

#[tokio::test]
async fn each_operation_costs_what_the_table_says() {
    let server = Server::start().await;
    let client = server.client("a");
    for (method, template, statements) in COSTS {
        let costs = cost(&client, method, template).await;
        assert_eq!(costs, *statements, "{method} {template}");
    }
}

#[test]
fn no_operation_is_missing_from_the_table() {
    let document = serde_json::to_value(openapi::document()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("an item").iter();
        let operations = item.filter(|(_, operation)| operation["responses"].is_object());
        operations.map(move |(method, _)| (method.to_ascii_uppercase(), path.clone()))
    });
    let priced = COSTS
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(operations.collect::<BTreeSet<_>>(), priced.collect());
}

#[tokio::test]
async fn a_key_costs_two_statements_and_a_replay_no_more() {
    let server = Server::start().await;
    let client = server.client("a");
    let path = "/v1/documents";
    let plain = client.post(path, &document("one")).await;
    let keyed = client.post_with_key(path, "k", &document("one")).await;
    assert_eq!(statements(&keyed), statements(&plain) + WITH_KEY);
    let replayed = client.post_with_key(path, "k", &document("one")).await;
    assert_eq!(statements(&replayed), REPLAY);
}

#[tokio::test]
async fn a_long_list_costs_what_a_short_one_does() {
    let server = Server::with(&[("APP__DATABASE__ACQUIRE_TIMEOUT", "19s")]).await;
    let client = server.client("a");
    client.create("one").await;
    let path = "/v1/documents?limit=250";
    let short = cost(&client, "GET", path).await;

    let mut more = JoinSet::new();
    for _ in 0..99 {
        let client = client.clone();
        more.spawn(async move { client.create("one of many").await });
    }
    more.join_all().await;
    assert_eq!(client.count().await, 101);
    assert_eq!(cost(&client, "GET", path).await, short);
}

#[tokio::test]
async fn what_is_refused_at_the_door_costs_nothing() {
    let server = Server::start().await;
    let client = server.client("a");
    let refused = [
        (401, server.stranger().get("/v1/documents").await),
        (
            403,
            server.client_with("a", "a", "").get("/v1/documents").await,
        ),
        (404, client.get("/v1/nothing").await),
        (405, client.post("/v1/usage", &document("one")).await),
        (422, client.post("/v1/documents", &document("")).await),
        (
            422,
            client
                .post_with_key("/v1/documents", "k", &document(""))
                .await,
        ),
    ];
    for (status, response) in refused {
        assert_eq!(
            response.status(),
            StatusCode::from_u16(status).expect("a status")
        );
        assert_eq!(statements(&response), 0, "{status}");
    }
}
