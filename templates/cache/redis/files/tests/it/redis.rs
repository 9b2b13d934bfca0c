//! What instances share in Redis, what nobody shares, and what happens without it.

mod outage;
mod sharing;

use reqwest::Response;
use serde_json::Value;

use crate::support::{Client, client::header};

/// How many documents the caller's tenant has, by what is kept; and the statements that this cost.
async fn usage(client: &Client) -> (i64, u32) {
    let answer = client.get("/v1/usage").await;
    assert_eq!(answer.status(), 200);
    let cost = header(&answer, "server-timing").to_owned();
    let statements = cost.strip_prefix("db;desc=\"").expect("what it cost");
    let (statements, _) = statements.split_once(' ').expect("a number");
    let usage: Value = answer.json().await.expect("JSON");
    let documents = usage["documents"].as_i64().expect("a number");
    (documents, statements.parse().expect("a number"))
}

/// What is left to the caller, by the answer's header field.
fn left(answer: &Response) -> u32 {
    let field = header(answer, "ratelimit");
    let parameters = field.strip_prefix("\"default\";r=").expect("the policy");
    let (left, _) = parameters.split_once(";t=").expect("both");
    left.parse().expect("a count")
}
