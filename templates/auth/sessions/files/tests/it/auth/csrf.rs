//! What another site makes a user's browser send is not what the user wants, though the cookie comes along.

use reqwest::{Method, Response};
use serde_json::json;

use super::{Browser, COOKIE, PASSWORD, PROTECTED, add, bearer, login, token};
use crate::support::{
    Server,
    client::{document, problem},
};

/// What browsers say of pages that are not of this service's origin.
const OTHERS: [&str; 3] = ["cross-site", "same-site", "none"];

async fn write(browser: &Browser, site: Option<&str>) -> Response {
    let mut request = browser.silent(Method::POST, PROTECTED);
    if let Some(site) = site {
        request = request.header("sec-fetch-site", site);
    }
    let sent = request.json(&document("one")).send().await;
    sent.expect("an answer")
}

#[tokio::test]
async fn a_cookie_counts_for_a_change_only_on_the_services_own_pages() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    for site in OTHERS.map(Some).into_iter().chain([None]) {
        let refused = problem(write(&browser, site).await, 401).await;
        assert_eq!(
            refused["type"], "urn:problem:invalid-credential",
            "{site:?}"
        );
    }
    assert_eq!(bearer(&server, &browser.id).count().await, 0);
    let written = write(&browser, Some("same-origin")).await;
    assert_eq!(written.status(), 201);
}

/// Every method that changes something.
#[tokio::test]
async fn nor_does_it_end_or_change_the_session() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    for (method, path) in [
        (Method::DELETE, "/v1/session"),
        (Method::DELETE, "/v1/sessions"),
        (Method::PUT, "/v1/session/password"),
    ] {
        let body = json!({ "password": PASSWORD, "new_password": "chosen by a stranger" });
        let request = browser.silent(method.clone(), path);
        let request = request.header("sec-fetch-site", "cross-site");
        let sent = request.json(&body).send().await;
        problem(sent.expect("an answer"), 401).await;
        assert!(browser.is_known().await, "{method} {path}");
    }
}

/// What is only read changes nothing, and other sites cannot see the answer.
#[tokio::test]
async fn a_link_from_elsewhere_is_followed() {
    let server = Server::with(&[("APP__SERVER__CORS_ORIGINS", "https://app.example.com")]).await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    let request = browser.silent(Method::GET, PROTECTED);
    let request = request.header("sec-fetch-site", "cross-site");
    let answer = request.header("origin", "https://app.example.com").send();
    let answer = answer.await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert!(headers.contains_key("access-control-allow-origin"));
    assert!(!headers.contains_key("access-control-allow-credentials"));
}

#[tokio::test]
async fn a_bearer_token_is_sent_on_purpose_and_counts() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let client = bearer(&server, &token(&server.stranger(), "ada").await);
    for site in OTHERS {
        let request = client.request(Method::POST, PROTECTED);
        let request = request.header("sec-fetch-site", site);
        let sent = request.json(&document("one")).send().await;
        assert_eq!(sent.expect("an answer").status(), 201, "{site}");
    }
}

/// Else a user would work in the account of whoever made the browser log in.
#[tokio::test]
async fn no_page_of_another_origin_logs_a_browser_in() {
    let server = Server::start().await;
    add(&server, "mallory").await;
    for site in OTHERS {
        for (carrier, status) in [("cookie", 403), ("bearer", 201)] {
            let mut body = login("mallory", PASSWORD);
            body["carrier"] = json!(carrier);
            let request = server.stranger().request(Method::POST, "/v1/session");
            let request = request.header("sec-fetch-site", site);
            let answer = request.json(&body).send().await.expect("an answer");
            assert_eq!(answer.status(), status, "{site}, {carrier}");
            assert!(!answer.headers().contains_key("set-cookie"));
        }
    }
    // A form of HTML, which needs nobody's leave.
    let form = server.stranger().request(Method::POST, "/v1/session");
    let form = form.header("content-type", "text/plain");
    let form = form.body(login("mallory", PASSWORD).to_string()).send();
    problem(form.await.expect("an answer"), 415).await;
}

/// It may know a password of its own, and so ask for a session as a bearer token.
#[tokio::test]
async fn nor_does_its_login_end_the_session_that_is_there() {
    let server = Server::start().await;
    add(&server, "ada").await;
    add(&server, "mallory").await;
    let browser = Browser::log_in(&server, "ada").await;
    let mut body = login("mallory", PASSWORD);
    body["carrier"] = json!("bearer");
    for site in OTHERS {
        let request = browser.silent(Method::POST, "/v1/session");
        let request = request.header("sec-fetch-site", site);
        let answer = request.json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{site}");
        assert!(browser.is_known().await, "{site}");
    }
}

#[tokio::test]
async fn of_two_cookies_neither_counts_and_a_bearer_token_counts_before_one() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    let two = browser.request(Method::GET, PROTECTED);
    let two = two.header("cookie", format!("{COOKIE}={}", browser.id));
    problem(two.send().await.expect("an answer"), 401).await;
    let both = browser.request(Method::GET, PROTECTED);
    let both = both.header("authorization", "Bearer x").send().await;
    problem(both.expect("an answer"), 401).await;
}
