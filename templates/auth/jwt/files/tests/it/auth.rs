//! P11: only who holds a credential of the issuer's gets in, whatever else is sent.

mod development;
mod hostile;
mod issuer;
mod rotation;
mod settings;

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use service::{
    app::{
        auth::Authenticator,
        caller::{Anonymous, Caller},
    },
    config::{Config, Environment, Problems},
    external::http::Http,
};

use self::issuer::{AUDIENCE, ISSUER, Issuer, Key, claims, claims_with};
use crate::support::{
    Client, Server,
    client::{header, problem},
};

/// An operation that needs a credential.
const PROTECTED: &str = "/v1/webhook-endpoints";

/// The configuration of a service that accepts the issuer's tokens, but for these variables.
fn configuration(variables: &[(&str, &str)]) -> Result<Config, Problems> {
    let mut given = BTreeMap::from([
        ("APP__ENVIRONMENT", "development"),
        ("APP__AUTH__ISSUER", ISSUER),
        ("APP__AUTH__AUDIENCE", AUDIENCE),
    ]);
    given.extend(variables.iter().copied());
    let given = given
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::read(&mut Environment::new(given)).map(|(config, _)| config)
}

async fn start(config: &Config) -> anyhow::Result<Authenticator> {
    Authenticator::start(config, Http::new().expect("a client")).await
}

/// An authenticator with the key set at `jwks`.
async fn authenticator(jwks: &str, variables: &[(&str, &str)]) -> Authenticator {
    let variables = [variables, &[("APP__AUTH__JWKS", jwks)]].concat();
    let config = configuration(&variables).expect("a good configuration");
    start(&config).await.expect("a start")
}

async fn identify(authenticator: &Authenticator, token: &str) -> Result<Caller, Anonymous> {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header");
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    authenticator.identify(&Method::GET, &headers).await
}

async fn is_known(authenticator: &Authenticator, token: &str) -> bool {
    identify(authenticator, token).await.is_ok()
}

async fn server(issuer: &Issuer) -> Server {
    Server::with(&[
        ("APP__AUTH__JWKS", &issuer.url()),
        ("APP__AUTH__ISSUER", ISSUER),
        ("APP__AUTH__AUDIENCE", AUDIENCE),
    ])
    .await
}

fn bearer(server: &Server, token: &str) -> Client {
    server.stranger().credential(&format!("Bearer {token}"))
}

#[tokio::test]
async fn a_token_says_who_calls_for_whom_and_what_it_may_do() {
    for key in [Key::ed25519("key"), Key::p256("key")] {
        let issuer = Issuer::start(&[&key]).await;
        let authenticator = authenticator(&issuer.url(), &[]).await;
        let caller = identify(&authenticator, &key.token(&claims())).await;
        let scopes = ["webhooks:read", "webhooks:write"];
        let expected = Caller {
            subject: "ada".to_owned(),
            tenant: "acme".to_owned(),
            scopes: Arc::new(scopes.map(str::to_owned).into()),
        };
        assert_eq!(caller, Ok(expected), "{}", key.algorithm());
    }
}

#[tokio::test]
async fn without_a_tenant_the_subject_is_its_own_and_without_scopes_it_may_do_nothing() {
    let key = Key::ed25519("key");
    let issuer = Issuer::start(&[&key]).await;
    let authenticator = authenticator(&issuer.url(), &[]).await;
    let claims = issuer::claims_without("tenant");
    let caller = identify(&authenticator, &key.token(&claims)).await;
    assert_eq!(caller.expect("a caller").tenant, "ada");
    let claims = issuer::claims_without("scope");
    let caller = identify(&authenticator, &key.token(&claims)).await;
    assert!(caller.expect("a caller").scopes.is_empty());
}

#[tokio::test]
async fn a_good_token_gets_in_and_no_token_is_challenged() {
    let key = Key::p256("key");
    let issuer = Issuer::start(&[&key]).await;
    let server = server(&issuer).await;
    let welcome = bearer(&server, &key.token(&claims())).get(PROTECTED).await;
    assert_eq!(welcome.status(), StatusCode::OK);

    let refused = server.stranger().get(PROTECTED).await;
    let realm = concat!("Bearer realm=\"", env!("CARGO_PKG_NAME"), "\"");
    assert_eq!(header(&refused, "www-authenticate"), realm);
    problem(refused, 401).await;
}

#[tokio::test]
async fn a_bad_token_is_told_why_it_is_refused() {
    let key = Key::p256("key");
    let issuer = Issuer::start(&[&key]).await;
    let server = server(&issuer).await;
    let expired = key.token(&claims_with("exp", issuer::now() - 600));
    let refused = bearer(&server, &expired).get(PROTECTED).await;
    let challenge = header(&refused, "www-authenticate");
    let error = "error=\"invalid_token\", error_description=\"the token has expired\"";
    assert!(challenge.ends_with(error), "{challenge}");
    let problem = problem(refused, 401).await;
    assert_eq!(problem["detail"], "the token has expired");
}

#[tokio::test]
async fn a_token_of_more_than_8_kib_is_refused() {
    let key = Key::ed25519("key");
    let issuer = Issuer::start(&[&key]).await;
    let server = server(&issuer).await;
    let token = key.token(&claims_with("padding", "x".repeat(8 * 1024)));
    let refused = bearer(&server, &token).get(PROTECTED).await;
    // Where the whole head is too large it does not come as far as to be a token.
    let status = refused.status().as_u16();
    assert!([401, 431].contains(&status), "{status}");
}

#[tokio::test]
async fn of_two_credentials_neither_counts() {
    let key = Key::ed25519("key");
    let issuer = Issuer::start(&[&key]).await;
    let server = server(&issuer).await;
    let client = bearer(&server, &key.token(&claims()));
    let request = client.request(Method::GET, PROTECTED);
    let second = request.header(AUTHORIZATION, "Bearer a.b.c");
    problem(second.send().await.expect("an answer"), 401).await;
}

#[tokio::test]
async fn without_any_keys_the_service_is_up_but_not_ready() {
    let key = Key::ed25519("key");
    let issuer = Issuer::start(&[&key]).await;
    issuer.answers(StatusCode::SERVICE_UNAVAILABLE, "");
    let server = server(&issuer).await;
    let ready = Client::new(server.admin).get("/ready").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let ready: Value = ready.json().await.expect("JSON");
    assert_eq!(ready["checks"]["keys"]["status"], "fail", "{ready}");
    let client = bearer(&server, &key.token(&claims()));
    let refused = client.get(PROTECTED).await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 503).await;
}
