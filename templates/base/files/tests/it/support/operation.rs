//! A request to each operation of the OpenAPI document, for tests that go through all of them.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::{
    Client,
    client::{document, header},
};

/// One of everything, made for one caller.
pub(crate) struct Things {
    document: String,
    job: String,
}

impl Things {
    pub(crate) async fn of(owner: &Client) -> Self {
        let document = owner.create("one").await;
        let key = Uuid::now_v7().to_string();
        let body = json!({ "title": "one" });
        let answer = owner.post_with_key("/v1/reports", &key, &body).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let job = header(&answer, "location").to_owned();
        Self { document, job }
    }

    /// The path of an operation, its `{id}` that of a thing.
    fn path(&self, template: &str) -> String {
        match template.split_once("/{id}") {
            Some(("/v1/jobs", rest)) => format!("{}{rest}", self.job),
            Some((_, rest)) => format!("{}{rest}", self.document),
            None => template.to_owned(),
        }
    }

    /// A request that succeeds for who may send it.
    pub(crate) fn request(&self, client: &Client, method: &str, template: &str) -> RequestBuilder {
        let parsed: Method = method.parse().expect("a method");
        let request = client.request(parsed, &self.path(template));
        match (method, template) {
            ("POST", "/v1/reports") => request
                .header("idempotency-key", Uuid::now_v7().to_string())
                .json(&json!({ "title": "all" })),
            ("POST", _) => request.json(&document("new")),
            ("PUT", _) => request.json(&document("changed")).header("if-match", "*"),
            _ => request,
        }
    }
}
