//! How a session begins: with a new id each time, whatever the client brings along.

use std::collections::BTreeSet;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use service::data::users as rows;

use super::{
    Browser, COOKIE, PASSWORD, PROTECTED, add, bearer, connection, kept, log_in, login, statements,
    token,
};
use crate::support::{
    Server,
    client::{header, problem},
};

const NEW_PASSWORD: &str = "another horse, another battery";

/// What the problem says, but for which request it names.
async fn said(answer: Response, status: u16) -> Value {
    let mut problem = problem(answer, status).await;
    problem["instance"].take();
    problem
}

#[tokio::test]
async fn a_browser_is_given_a_cookie_that_only_it_can_read_and_only_this_host_can_set() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let answer = log_in(&server.stranger(), "ada", PASSWORD).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(statements(&answer), 2);
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies.len(), 1);
    let mut parts = header(&answer, "set-cookie").split("; ");
    let id = parts
        .next()
        .and_then(|pair| pair.strip_prefix("__Host-session="));
    let id = id.expect("the cookie").to_owned();
    let flags: BTreeSet<&str> = parts.collect();
    let expected = ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"];
    assert_eq!(flags, BTreeSet::from(expected));
    let body = answer.text().await.expect("text");
    assert!(!body.contains(&id), "a script could read it: {body}");
    assert!(Browser::new(&server, &id).is_known().await);
}

#[tokio::test]
async fn names_are_the_same_in_small_letters_and_in_capitals() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let answer = log_in(&server.stranger(), "ADA", PASSWORD).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
}

/// Rotation: a login is a new id, and the end of the one that it came with.
#[tokio::test]
async fn who_logs_in_again_has_another_id_and_the_one_before_ends() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let before = Browser::log_in(&server, "ada").await;
    let again = before.request(Method::POST, "/v1/session");
    let again = again.json(&login("ada", PASSWORD)).send().await;
    let after = Browser::new(&server, &kept(&again.expect("an answer")));
    assert_ne!(before.id, after.id);
    assert!(!before.is_known().await);
    assert!(after.is_known().await);
}

/// Fixation: an id that somebody else has planted in the browser never becomes the user's.
#[tokio::test]
async fn an_id_that_a_client_brings_along_is_never_taken() {
    let server = Server::start().await;
    add(&server, "ada").await;
    add(&server, "mallory").await;
    let mallorys = Browser::log_in(&server, "mallory").await.id;
    for planted in [mallorys, "A".repeat(64)] {
        let victim = Browser::new(&server, &planted);
        let answer = victim.request(Method::POST, "/v1/session");
        let answer = answer.json(&login("ada", PASSWORD)).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_ne!(kept(&answer), planted);
        assert!(!victim.is_known().await, "{planted} is nobody's");
    }
}

#[tokio::test]
async fn who_is_refused_is_not_told_why() {
    let server = Server::start().await;
    add(&server, "ada").await;
    add(&server, "gone").await;
    let mut connection = connection(&server).await;
    let gone = rows::find_by_name(&mut connection, "gone").await;
    let gone = gone.expect("a look").expect("a user");
    assert!(
        rows::disable(&mut connection, &gone)
            .await
            .expect("a change")
    );
    drop(connection);

    let client = server.stranger();
    let mut told = Vec::new();
    for (name, password) in [
        ("ada", "not the password of hers"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
    ] {
        let answer = log_in(&client, name, password).await;
        assert!(header(&answer, "www-authenticate").starts_with("Bearer"));
        assert!(!answer.headers().contains_key("set-cookie"));
        told.push(said(answer, 401).await);
    }
    assert_eq!(told[0]["type"], "urn:problem:invalid-login");
    assert!(told.iter().all(|problem| *problem == told[0]), "{told:?}");
}

#[tokio::test]
async fn a_login_that_cannot_be_read_is_refused() {
    let server = Server::start().await;
    let client = server.stranger();
    for body in [
        json!({}),
        json!({ "name": "ada" }),
        json!({ "name": "ada", "password": "x".repeat(257) }),
        json!({ "name": "ada", "password": PASSWORD, "carrier": "pigeon" }),
        json!({ "name": "ada", "password": PASSWORD, "more": 1 }),
    ] {
        problem(client.post("/v1/session", &body).await, 422).await;
    }
}

/// Rotation: who has changed the password goes on under another id, and all others of the user's are out.
#[tokio::test]
async fn a_new_password_is_a_new_id_and_the_end_of_all_others() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    let phone = token(&server.stranger(), "ada").await;
    let change = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = browser.request(Method::PUT, "/v1/session/password");
    let changed = changed.json(&change).send().await.expect("an answer");
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(statements(&changed), 4);

    let after = Browser::new(&server, &kept(&changed));
    assert!(after.is_known().await);
    assert!(!browser.is_known().await);
    assert_eq!(bearer(&server, &phone).get(PROTECTED).await.status(), 401);
    let client = server.stranger();
    assert_eq!(log_in(&client, "ada", PASSWORD).await.status(), 401);
    assert_eq!(log_in(&client, "ada", NEW_PASSWORD).await.status(), 201);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_is_long_enough() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let client = bearer(&server, &token(&server.stranger(), "ada").await);
    for (old, new, status) in [
        ("not the password of hers", NEW_PASSWORD, 403),
        (PASSWORD, "too short", 422),
    ] {
        let body = json!({ "password": old, "new_password": new });
        let request = client.request(Method::PUT, "/v1/session/password");
        let answer = request.json(&body).send().await.expect("an answer");
        problem(answer, status).await;
    }
    assert_eq!(client.get(PROTECTED).await.status(), 200);
    let answer = log_in(&server.stranger(), "ada", PASSWORD).await;
    assert!(header(&answer, "set-cookie").starts_with(COOKIE));
}

/// Where Redis did not hear that a user was disabled, the session that is left is no way to another one.
#[tokio::test]
async fn who_is_disabled_does_not_go_on_under_another_id() {
    let server = Server::start().await;
    let id = add(&server, "ada").await;
    let client = bearer(&server, &token(&server.stranger(), "ada").await);
    let mut connection = connection(&server).await;
    let user = rows::find(&mut connection, id).await;
    let user = user.expect("a look").expect("a user");
    let disabled = rows::disable(&mut connection, &user).await;
    assert!(disabled.expect("a change"));
    drop(connection);

    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let request = client.request(Method::PUT, "/v1/session/password");
    let answer = request.json(&body).send().await.expect("an answer");
    problem(answer, 401).await;
    let mut connection = self::connection(&server).await;
    let after = rows::find(&mut connection, id).await;
    let after = after.expect("a look").expect("a user");
    assert_eq!(after.password, user.password);
}
