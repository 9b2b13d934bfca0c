//! Keys come and go at the issuer, and sometimes the issuer itself does.

use reqwest::StatusCode;
use service::app::{auth::Authenticator, caller::Anonymous};
use temp_dir::TempDir;
use tokio::task::JoinSet;

use super::{
    authenticator, identify, is_known,
    issuer::{Issuer, Key, claims, claims_with, key_set},
};
use crate::support::eventually;

const UNKNOWN: Anonymous = Anonymous::Invalid("the token's key is unknown");

/// An issuer with one key, and who follows it; the key set has been fetched once.
async fn scene() -> (Key, Issuer, Authenticator) {
    let key = Key::ed25519("old");
    let issuer = Issuer::start(&[&key]).await;
    let authenticator = authenticator(&issuer.url(), &[]).await;
    assert_eq!(issuer.fetches(), 1);
    (key, issuer, authenticator)
}

#[tokio::test]
async fn the_first_token_of_a_new_key_is_accepted() {
    let (old, issuer, authenticator) = scene().await;
    let new = Key::p256("new");
    issuer.rotate(&[&old, &new]);
    assert!(is_known(&authenticator, &new.token(&claims())).await);
    assert!(is_known(&authenticator, &old.token(&claims())).await);
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn made_up_keys_are_asked_for_once_a_minute() {
    let (_, issuer, authenticator) = scene().await;
    for kid in ["one", "two", "three"] {
        let token = Key::ed25519(kid).token(&claims());
        assert_eq!(identify(&authenticator, &token).await, Err(UNKNOWN));
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn all_who_need_a_new_key_wait_for_one_fetch() {
    let (_, issuer, authenticator) = scene().await;
    let new = Key::ed25519("new");
    issuer.rotate(&[&new]);
    let held = issuer.hold().await;
    let mut callers = JoinSet::new();
    let mut call = |name: String| {
        let authenticator = authenticator.clone();
        let token = new.token(&claims_with("sub", name));
        callers.spawn(async move { is_known(&authenticator, &token).await });
    };
    (0..10).for_each(|number| call(format!("early {number}")));
    eventually("the fetch", async || (issuer.fetches() == 2).then_some(())).await;
    (0..10).for_each(|number| call(format!("late {number}")));
    // All of them get to ask before the issuer answers.
    tokio::task::yield_now().await;
    drop(held);
    assert_eq!(callers.join_all().await, vec![true; 20]);
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_take_the_fetch_with_it() {
    let (_, issuer, authenticator) = scene().await;
    let new = Key::ed25519("new");
    issuer.rotate(&[&new]);
    let held = issuer.hold().await;
    let token = new.token(&claims());
    let caller = tokio::spawn({
        let (authenticator, token) = (authenticator.clone(), token.clone());
        async move { is_known(&authenticator, &token).await }
    });
    eventually("the fetch", async || (issuer.fetches() == 2).then_some(())).await;
    caller.abort();
    drop(held);
    let known = async || is_known(&authenticator, &token).await.then_some(());
    eventually("the new key", known).await;
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn nobody_waits_as_long_as_a_fetch_may_take() {
    let (old, issuer, authenticator) = scene().await;
    let new = Key::ed25519("new");
    issuer.rotate(&[&old, &new]);
    let held = issuer.hold().await;
    let token = new.token(&claims());
    assert_eq!(identify(&authenticator, &token).await, Err(UNKNOWN));
    assert!(is_known(&authenticator, &old.token(&claims())).await);
    // The fetch was still running, and its keys count.
    drop(held);
    let known = async || is_known(&authenticator, &token).await.then_some(());
    eventually("the new key", known).await;
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn an_issuer_that_is_down_or_babbles_changes_nothing_for_known_keys() {
    let huge = format!("{{\"keys\":[],\"padding\":\"{}\"}}", "x".repeat(300 * 1024));
    for (status, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, ""),
        (StatusCode::FOUND, ""),
        (StatusCode::OK, "<html>"),
        (StatusCode::OK, "{\"keys\":[]}"),
        (
            StatusCode::OK,
            "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}",
        ),
        (StatusCode::OK, &huge),
    ] {
        let (old, issuer, authenticator) = scene().await;
        issuer.answers(status, body);
        let unknown = Key::ed25519("new").token(&claims());
        assert_eq!(identify(&authenticator, &unknown).await, Err(UNKNOWN));
        assert_eq!(issuer.fetches(), 2);
        assert!(
            is_known(&authenticator, &old.token(&claims())).await,
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_good_key_set_is_not_taken_from_an_error_nor_beyond_256_kib() {
    let new = Key::ed25519("new");
    let set = key_set(&[&new]);
    let padding = format!("{{\"padding\":\"{}\",", "x".repeat(256 * 1024));
    for (status, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, &set),
        (StatusCode::FOUND, &set),
        (StatusCode::OK, &set.replacen('{', &padding, 1)),
    ] {
        let (_, issuer, authenticator) = scene().await;
        issuer.answers(status, body);
        let refused = identify(&authenticator, &new.token(&claims())).await;
        assert_eq!(refused, Err(UNKNOWN), "{status}");
        assert_eq!(issuer.fetches(), 2);
    }
}

#[tokio::test]
async fn a_withdrawn_key_stops_working_with_the_tokens_that_it_signed() {
    let old = Key::ed25519("old");
    let issuer = Issuer::start(&[&old]).await;
    let interval = [("APP__AUTH__REFRESH_INTERVAL", "1s")];
    let authenticator = authenticator(&issuer.url(), &interval).await;
    let token = old.token(&claims());
    assert!(is_known(&authenticator, &token).await);
    issuer.rotate(&[&Key::ed25519("new")]);
    let refused = async || identify(&authenticator, &token).await.err();
    let reason = eventually("the refusal", refused).await;
    assert_eq!(reason, UNKNOWN);
}

#[tokio::test]
async fn a_start_without_the_issuer_recovers_by_itself() {
    let key = Key::ed25519("key");
    let issuer = Issuer::start(&[&key]).await;
    issuer.answers(StatusCode::BAD_GATEWAY, "");
    let authenticator = authenticator(&issuer.url(), &[]).await;
    let token = key.token(&claims());
    assert!(!authenticator.is_ready());
    let refused = identify(&authenticator, &token).await;
    assert_eq!(refused, Err(Anonymous::Unavailable));

    issuer.rotate(&[&key]);
    let known = async || is_known(&authenticator, &token).await.then_some(());
    eventually("the keys", known).await;
    assert!(authenticator.is_ready());
}

#[tokio::test]
async fn a_start_goes_on_where_nobody_listens() {
    // Nobody is given port 1.
    let authenticator = authenticator("http://127.0.0.1:1/keys", &[]).await;
    let token = Key::ed25519("key").token(&claims());
    let refused = identify(&authenticator, &token).await;
    assert_eq!(refused, Err(Anonymous::Unavailable));
}

#[tokio::test]
async fn a_file_is_read_again_for_an_unknown_key() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("keys.json");
    let (old, new) = (Key::ed25519("old"), Key::ed25519("new"));
    std::fs::write(&path, key_set(&[&old])).expect("a file");
    let authenticator = authenticator(path.to_str().expect("UTF-8"), &[]).await;
    assert!(is_known(&authenticator, &old.token(&claims())).await);
    std::fs::write(&path, key_set(&[&new])).expect("a file");
    assert!(is_known(&authenticator, &new.token(&claims())).await);
    assert!(!is_known(&authenticator, &old.token(&claims())).await);
}
