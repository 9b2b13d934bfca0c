//! The page at `/`: there in development, for whoever asks this machine by its own name, and nowhere else.

use reqwest::{Response, StatusCode};

use crate::{
    configuration::documented::production_settings,
    support::{Client, Server, client::header},
};

/// What the page calls with.
async fn credential(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    let page = response.text().await.expect("a page");
    let (_, rest) = page
        .split_once(r#"<meta name="credential" content=""#)
        .expect("a credential");
    rest.split('"').next().expect("a value").to_owned()
}

#[tokio::test]
async fn in_development_it_brings_a_credential_that_works() {
    let server = Server::start().await;
    let page = server.stranger().get("/").await;
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&page, "cache-control"), "no-store");
    let credential = credential(page).await;
    let client = Client::new(server.address).credential(&credential);
    client.create("from the page").await;
    assert_eq!(client.count().await, 1);
}

#[tokio::test]
async fn only_its_own_script_runs_and_calls_only_this_service() {
    let server = Server::start().await;
    let page = server.stranger().get("/").await;
    let policy = header(&page, "content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(policy.contains("script-src 'sha256-"), "{policy}");
    assert!(policy.contains("connect-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

/// A page of a foreign name that was pointed at this machine would read what is given to it.
#[tokio::test]
async fn a_foreign_name_is_given_no_credential() {
    let server = Server::start().await;
    let page = server
        .stranger()
        .request(reqwest::Method::GET, "/")
        .header("host", "rebound.example:8080")
        .send()
        .await;
    assert_eq!(credential(page.expect("an answer")).await, "");
}

#[tokio::test]
async fn in_production_there_is_no_page() {
    let mut settings = production_settings();
    for name in ["APP__SERVER__ADDRESS", "APP__ADMIN__ADDRESS"] {
        settings.insert(name.to_owned(), "127.0.0.1:0".to_owned());
    }
    // The database is the test's own.
    settings.retain(|name, _| !name.starts_with("APP__DATABASE__"));
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let server = Server::with(&settings).await;
    let response = server.stranger().get("/").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
