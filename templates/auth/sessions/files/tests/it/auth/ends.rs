//! How a session ends: by itself, by its user, everywhere; and at once on every instance.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use service::app::caller::Caller;
use uuid::Uuid;

use super::{Browser, PROTECTED, add, bearer, kept_in_redis, redis, statements, token};
use crate::support::{Server, client::header, eventually, redis::fresh};

/// The key of the one session that there is.
async fn only(server: &Server) -> String {
    let sessions = kept_in_redis(server, "session").await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions.concat()
}

/// For how long it is kept, in milliseconds.
async fn left(session: &str) -> i64 {
    redis("PTTL", &[session]).await
}

#[tokio::test]
async fn one_that_is_not_used_ends() {
    let server = Server::with(&[("APP__AUTH__IDLE_TIMEOUT", "1s")]).await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    eventually("the end", async || {
        let sessions = kept_in_redis(&server, "session").await;
        sessions.is_empty().then_some(())
    })
    .await;
    assert!(!browser.is_known().await);
}

#[tokio::test]
async fn one_that_is_used_has_its_idle_time_again() {
    let server = Server::with(&[("APP__AUTH__IDLE_TIMEOUT", "10m")]).await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    let session = only(&server).await;
    assert!((1..=600_000).contains(&left(&session).await));
    // As if nine minutes had gone by.
    assert!(redis::<bool>("PEXPIRE", &[&session, "60000"]).await);
    assert!(browser.is_known().await);
    assert!((60_001..=600_000).contains(&left(&session).await));
}

#[tokio::test]
async fn no_use_keeps_it_beyond_its_end() {
    let variables = [
        ("APP__AUTH__IDLE_TIMEOUT", "10m"),
        ("APP__AUTH__LIFETIME", "10m"),
    ];
    let server = Server::with(&variables).await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    let session = only(&server).await;
    // As if nine minutes had gone by since the login.
    let ends: i64 = redis("HGET", &[&session, "ends"]).await;
    let sooner = (ends - 540_000).to_string();
    assert_eq!(redis::<u32>("HSET", &[&session, "ends", &sooner]).await, 0);
    assert!(browser.is_known().await);
    assert!((1..=60_000).contains(&left(&session).await));
}

/// Nothing that is asked of it keeps it alive.
#[tokio::test]
async fn one_that_is_always_used_ends_too() {
    let variables = [
        ("APP__AUTH__IDLE_TIMEOUT", "1500ms"),
        ("APP__AUTH__LIFETIME", "1500ms"),
    ];
    let server = Server::with(&variables).await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    eventually("the end", async || {
        (!browser.is_known().await).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_logs_out_is_out_here_and_nowhere_else() {
    let server = Server::start().await;
    add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    let phone = token(&server.stranger(), "ada").await;
    let answer = browser.send(Method::DELETE, "/v1/session").await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(statements(&answer), 0);
    let forgotten = "__Host-session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
    assert_eq!(header(&answer, "set-cookie"), forgotten);
    assert!(!browser.is_known().await);

    let phone = bearer(&server, &phone);
    assert_eq!(phone.get(PROTECTED).await.status(), 200);
    let answer = phone.request(Method::DELETE, "/v1/session").send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(!answer.headers().contains_key("set-cookie"));
    assert_eq!(phone.get(PROTECTED).await.status(), 401);
}

/// Two instances that share nothing but Redis.
#[tokio::test]
async fn who_logs_out_everywhere_is_out_on_all_devices_and_instances() {
    let prefix = fresh();
    let prefix = [("APP__CACHE__PREFIX", prefix.as_str())];
    let (one, other) = tokio::join!(Server::with(&prefix), Server::with(&prefix));
    add(&one, "ada").await;
    add(&one, "bob").await;
    let browser = Browser::log_in(&one, "ada").await;
    let there = Browser::new(&other, &browser.id);
    let phone = bearer(&other, &token(&one.stranger(), "ada").await);
    let bob = Browser::log_in(&one, "bob").await;
    assert!(there.is_known().await);
    assert_eq!(phone.get(PROTECTED).await.status(), 200);

    let answer = there.send(Method::DELETE, "/v1/sessions").await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(statements(&answer), 0);
    assert!(header(&answer, "set-cookie").ends_with("Max-Age=0"));
    for session in [&browser, &there] {
        assert!(!session.is_known().await);
    }
    assert_eq!(phone.get(PROTECTED).await.status(), 401);
    assert!(bob.is_known().await, "another user's goes on");
    let again = Browser::log_in(&one, "ada").await;
    assert!(again.is_known().await);
    assert!(!browser.is_known().await, "nor does it come back");
}

/// Whoever may look at Redis can be nobody.
#[tokio::test]
async fn redis_has_no_id_and_no_name() {
    let server = Server::start().await;
    add(&server, "ada-lovelace").await;
    let browser = Browser::log_in(&server, "ada-lovelace").await;
    let sessions = kept_in_redis(&server, "session").await;
    let owners = kept_in_redis(&server, "sessions").await;
    assert_eq!((sessions.len(), owners.len()), (1, 1));
    let fields: Vec<String> = redis("HGETALL", &[&sessions[0]]).await;
    let listed: Vec<String> = redis("ZRANGE", &[&owners[0], "0", "-1"]).await;
    assert_eq!(listed, sessions);
    // What the random half of the id begins with.
    let secret = &browser.id[22..40];
    let all = [sessions, owners, fields, listed].concat();
    assert!(all.iter().all(|text| !text.contains(secret)), "{all:?}");
    let keys = &all[..2];
    assert!(keys.iter().all(|key| !key.contains("lovelace")), "{keys:?}");
}

#[tokio::test]
async fn an_owner_has_a_hundred_at_most_and_the_oldest_goes() {
    let server = Server::start().await;
    let caller = Caller {
        subject: "robot".to_owned(),
        tenant: "robots".to_owned(),
        scopes: Arc::default(),
    };
    let (owner, authenticator) = (Uuid::now_v7(), &server.app.authenticator);
    let mut sessions = Vec::new();
    for _ in 0..101 {
        let begun = authenticator.begin(owner, &caller).await;
        sessions.push(begun.expect("a session").id);
        // They are told apart by their milliseconds.
        let begun: Vec<String> = redis("TIME", &[]).await;
        eventually("the next millisecond", async || {
            let now: Vec<String> = redis("TIME", &[]).await;
            let millis =
                |time: &[String]| (time[0].clone(), time[1].parse::<u32>().expect("µs") / 1_000);
            (millis(&now) != millis(&begun)).then_some(())
        })
        .await;
    }
    let known = async |number: usize| {
        let found = authenticator.find(&sessions[number]).await;
        found.expect("an answer").is_some()
    };
    assert!(!known(0).await);
    assert!(known(1).await && known(100).await);
}
