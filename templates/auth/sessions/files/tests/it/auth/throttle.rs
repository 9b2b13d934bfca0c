//! Passwords can be guessed only so often: of one account from anywhere, and from one address of any account.

use reqwest::{Method, Response, StatusCode};
use tokio::task::JoinSet;

use super::{PASSWORD, add, kept_in_redis, log_in, login, redis};
use crate::support::{
    Client, Server,
    client::{header, problem},
    eventually,
    redis::fresh,
};

const WRONG: &str = "not the password of hers";

const PER_ACCOUNT: (&str, &str) = ("APP__AUTH__ATTEMPTS_PER_ACCOUNT", "3");

async fn attempt(client: &Client, name: &str, password: &str) -> u16 {
    log_in(client, name, password).await.status().as_u16()
}

async fn is_refused(answer: Response) {
    let wait: u64 = header(&answer, "retry-after").parse().expect("seconds");
    assert!((1..=900).contains(&wait), "{wait}");
    let problem = problem(answer, 429).await;
    assert_eq!(problem["type"], "urn:problem:too-many-attempts");
}

#[tokio::test]
async fn an_account_is_tried_so_often_whoever_tries() {
    let server = Server::with(&[PER_ACCOUNT]).await;
    add(&server, "ada").await;
    add(&server, "bob").await;
    let client = server.stranger();
    // Nor do they tell that there is no such account.
    for name in ["ada", "nobody"] {
        for _ in 0..3 {
            assert_eq!(attempt(&client, name, WRONG).await, 401);
        }
        is_refused(log_in(&client, name, PASSWORD).await).await;
        is_refused(log_in(&client, &name.to_uppercase(), PASSWORD).await).await;
    }
    assert_eq!(attempt(&client, "bob", PASSWORD).await, 201);
}

#[tokio::test]
async fn an_address_fails_so_often_whatever_it_tries() {
    let variables = [
        ("APP__AUTH__ATTEMPTS_PER_ADDRESS", "3"),
        ("APP__SERVER__TRUSTED_PROXIES", "127.0.0.1/32"),
    ];
    let server = Server::with(&variables).await;
    add(&server, "ada").await;
    let from = async |address: &str, name: &str, password: &str| {
        let request = server.stranger().request(Method::POST, "/v1/session");
        let request = request.header("x-forwarded-for", address);
        let sent = request.json(&login(name, password)).send().await;
        sent.expect("an answer")
    };
    for name in ["a", "b", "c"] {
        assert_eq!(from("2001:db8::1", name, WRONG).await.status(), 401);
    }
    is_refused(from("2001:db8::1", "ada", PASSWORD).await).await;
    // Whoever has one address of a network has all of it.
    is_refused(from("2001:db8::ffff:2", "ada", PASSWORD).await).await;
    let elsewhere = from("2001:db8:1::1", "ada", PASSWORD).await;
    assert_eq!(elsewhere.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn who_succeeds_begins_anew() {
    let server = Server::with(&[PER_ACCOUNT, ("APP__AUTH__ATTEMPTS_PER_ADDRESS", "5")]).await;
    add(&server, "ada").await;
    let client = server.stranger();
    for password in [WRONG, WRONG, PASSWORD, WRONG, WRONG, PASSWORD] {
        let expected = if password == PASSWORD { 201 } else { 401 };
        assert_eq!(attempt(&client, "ada", password).await, expected);
    }
    // Of the address, only those count that failed.
    assert_eq!(attempt(&client, "bob", WRONG).await, 401);
    is_refused(log_in(&client, "eve", WRONG).await).await;
}

#[tokio::test]
async fn who_tries_everywhere_at_once_tries_no_more() {
    let prefix = fresh();
    let variables = [PER_ACCOUNT, ("APP__CACHE__PREFIX", prefix.as_str())];
    let (one, other) = tokio::join!(Server::with(&variables), Server::with(&variables));
    let mut trying = JoinSet::new();
    for server in [&one, &other].into_iter().cycle().take(20) {
        let client = server.stranger();
        trying.spawn(async move { attempt(&client, "ada", WRONG).await });
    }
    let answers = trying.join_all().await;
    let judged = answers.iter().filter(|status| **status == 401).count();
    let refused = answers.iter().filter(|status| **status == 429).count();
    assert_eq!((judged, refused), (3, 17));
}

/// What is refused does not count: a user is not kept out for as long as somebody guesses.
#[tokio::test]
async fn it_is_over_with_the_window() {
    let server = Server::with(&[PER_ACCOUNT]).await;
    add(&server, "ada").await;
    let client = server.stranger();
    for _ in 0..3 {
        assert_eq!(attempt(&client, "ada", WRONG).await, 401);
    }
    let before = kept_in_redis(&server, "attempts").await;
    assert_eq!(before.len(), 2);
    for key in &before {
        assert!(redis::<bool>("PEXPIRE", &[key, "50"]).await);
    }
    eventually("the end of the window", async || {
        let status = attempt(&client, "ada", PASSWORD).await;
        assert!([201, 429].contains(&status), "{status}");
        (status == 201).then_some(())
    })
    .await;
}

/// A session that was left open is no way to guess on.
#[tokio::test]
async fn a_change_of_password_is_an_attempt_too() {
    let server = Server::with(&[PER_ACCOUNT]).await;
    add(&server, "ada").await;
    let token = super::token(&server.stranger(), "ada").await;
    let client = super::bearer(&server, &token);
    let change = async || {
        let body = serde_json::json!({ "password": WRONG, "new_password": PASSWORD });
        let request = client.request(Method::PUT, "/v1/session/password");
        request.json(&body).send().await.expect("an answer")
    };
    for _ in 0..3 {
        assert_eq!(change().await.status(), 403);
    }
    is_refused(change().await).await;
    is_refused(log_in(&server.stranger(), "ada", PASSWORD).await).await;
}
