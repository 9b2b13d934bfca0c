//! A client that says what it wants in a line.

use std::net::SocketAddr;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    credential: Option<String>,
}

/// A body that creates or replaces a document.
pub(crate) fn document(title: &str) -> Value {
    json!({ "title": title, "body": "text" })
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        // The service's own client installs the provider that every TLS client of the process needs.
        service::external::http::Http::new().expect("a client");
        Self {
            http: reqwest::Client::new(),
            address,
            credential: None,
        }
    }

    /// The value of `Authorization`.
    pub(crate) fn credential(mut self, credential: &str) -> Self {
        self.credential = Some(credential.to_owned());
        self
    }

    /// What it sends as `Authorization`, for a request that is written by hand.
    pub(crate) fn authorization(&self) -> &str {
        self.credential.as_deref().expect("a credential")
    }

    /// The same caller, asking another instance.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("http://{}{path}", self.address));
        match &self.credential {
            Some(credential) => request.header("authorization", credential),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path)
            .send()
            .await
            .expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path)
            .json(body)
            .send()
            .await
            .expect("an answer")
    }

    pub(crate) async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Response {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", key)
            .json(body);
        request.send().await.expect("an answer")
    }

    /// Creates a document and gives its path.
    pub(crate) async fn create(&self, title: &str) -> String {
        let created = self.post("/v1/documents", &document(title)).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        header(&created, "location").to_owned()
    }

    /// Replaces a document, as it is just now.
    pub(crate) async fn replace(&self, path: &str, title: &str) {
        let read = self.get(path).await;
        assert_eq!(read.status(), StatusCode::OK);
        let replace = self.request(Method::PUT, path);
        let replace = replace.header("if-match", header(&read, "etag"));
        let replaced = replace.json(&document(title)).send().await;
        assert_eq!(replaced.expect("an answer").status(), StatusCode::OK);
    }

    /// Removes what is there: a document, or an endpoint.
    pub(crate) async fn remove(&self, path: &str) {
        let removed = self.request(Method::DELETE, path).send().await;
        assert_eq!(removed.expect("an answer").status(), StatusCode::NO_CONTENT);
    }

    /// How many documents the caller's tenant has, by walking all pages.
    pub(crate) async fn count(&self) -> usize {
        let mut path = "/v1/documents?limit=250".to_owned();
        let mut count = 0;
        loop {
            let page: Value = self.get(&path).await.json().await.expect("a page");
            count += page["items"].as_array().expect("items").len();
            match page["next"].as_str() {
                Some(next) => path = format!("/v1/documents?limit=250&cursor={next}"),
                None => return count,
            }
        }
    }
}

/// The header's text; fails when it is missing.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response
        .headers()
        .get(name)
        .unwrap_or_else(|| panic!("{name} is missing"));
    value.to_str().expect("text")
}

/// Asserts that the answer is a problem of this status that names its request, and gives it.
pub(crate) async fn problem(response: Response, status: u16) -> Value {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(
        header(&response, "content-type"),
        "application/problem+json"
    );
    let id = header(&response, "x-request-id").to_owned();
    let problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["instance"], id);
    assert!(
        problem["type"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("urn:problem:")),
        "{problem}"
    );
    assert!(problem["title"].is_string(), "{problem}");
    problem
}
