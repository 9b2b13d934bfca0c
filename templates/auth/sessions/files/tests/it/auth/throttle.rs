//! Passwords can be guessed only so often: of one account from one network and from all, and from one address of any account.

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

/// The client's address is the one that a header names.
const PROXIED: (&str, &str) = ("APP__SERVER__TRUSTED_PROXIES", "127.0.0.1/32");

async fn attempt(client: &Client, name: &str, password: &str) -> u16 {
    log_in(client, name, password).await.status().as_u16()
}

async fn from(server: &Server, address: &str, name: &str, password: &str) -> Response {
    let request = server.stranger().request(Method::POST, "/v1/session");
    let request = request.header("x-forwarded-for", address);
    let sent = request.json(&login(name, password)).send().await;
    sent.expect("an answer")
}

async fn is_refused(answer: Response) {
    let wait: u64 = header(&answer, "retry-after").parse().expect("seconds");
    assert!((1..=900).contains(&wait), "{wait}");
    let problem = problem(answer, 429).await;
    assert_eq!(problem["type"], "urn:problem:too-many-attempts");
}

#[tokio::test]
async fn an_account_is_tried_so_often() {
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
    let server = Server::with(&[("APP__AUTH__ATTEMPTS_PER_ADDRESS", "3"), PROXIED]).await;
    add(&server, "ada").await;
    let from = async |address: &str, name: &str, password: &str| {
        from(&server, address, name, password).await
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

/// Else whoever knows a name could keep its user out, for as long as they like.
#[tokio::test]
async fn who_tries_an_account_keeps_out_nobody_elsewhere() {
    let server = Server::with(&[PER_ACCOUNT, PROXIED]).await;
    add(&server, "ada").await;
    for _ in 0..3 {
        let answer = from(&server, "2001:db8::1", "ada", WRONG).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    is_refused(from(&server, "2001:db8::2", "ada", PASSWORD).await).await;
    let elsewhere = from(&server, "2001:db8:1::1", "ada", PASSWORD).await;
    assert_eq!(elsewhere.status(), StatusCode::CREATED);
    // Nor does a user who succeeds give others another try.
    is_refused(from(&server, "2001:db8::1", "ada", WRONG).await).await;
}

#[tokio::test]
async fn an_account_is_tried_ten_times_as_often_from_all_networks() {
    let server = Server::with(&[("APP__AUTH__ATTEMPTS_PER_ACCOUNT", "1"), PROXIED]).await;
    add(&server, "ada").await;
    // What succeeds is taken back.
    let known = from(&server, "192.0.2.100", "ada", PASSWORD).await;
    assert_eq!(known.status(), StatusCode::CREATED);
    for network in 1..=10 {
        let answer = from(&server, &format!("192.0.2.{network}"), "ada", WRONG).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{network}");
    }
    is_refused(from(&server, "192.0.2.100", "ada", PASSWORD).await).await;
    let other = from(&server, "192.0.2.100", "bob", WRONG).await;
    assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
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

/// A session that was left open is no way to guess on, and none to keep its user out.
#[tokio::test]
async fn a_change_of_password_is_an_attempt_of_its_own() {
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
    assert_eq!(attempt(&server.stranger(), "ada", PASSWORD).await, 201);
}
