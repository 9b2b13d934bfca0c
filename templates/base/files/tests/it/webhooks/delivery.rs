//! One message, from the row to the receiver.

use std::time::Duration;

use serde_json::json;
use service::{
    edge::deadline::Deadline,
    external::webhooks::{Error, Webhooks},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::timeout,
};

use super::{TENANT, change, delivery, read, register, register_url, secret, send};
use crate::support::{
    Server, eventually,
    receiver::{Receiver, Reply},
};

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

#[tokio::test]
async fn a_message_arrives_signed() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([Reply::Says(202, "thanks".to_owned())]).await;
    let endpoint = register(&client, &receiver).await;
    let id = send(&server.app, &endpoint, &receiver.url()).await;
    let received = receiver.receives(1).await;
    assert_eq!(
        (received.id(), received.target.as_str()),
        (id.as_str(), "/hook")
    );
    assert!((received.timestamp() - now()).abs() < 30);
    assert_eq!(received.signatures().len(), 1);
    assert!(received.is_signed_with(&secret(&client, &endpoint).await));
    assert_eq!(received.header("content-type"), "application/json");
    // Whoever it is, what our requests cost and whose trace they are is not for them.
    for header in ["x-request-timeout-ms", "traceparent", "authorization"] {
        assert!(!received.headers.contains_key(header), "{header}");
    }
    let body: serde_json::Value = serde_json::from_str(&received.body).expect("JSON");
    assert_eq!(
        (&body["type"], &body["data"]),
        (&json!("test.sent"), &json!({ "some": "thing" }))
    );
    let time = body["timestamp"].as_str().expect("a time");
    assert!(OffsetDateTime::parse(time, &Rfc3339).is_ok(), "{time}");

    let listed = delivery(&client, &endpoint, |item| item["state"] == "succeeded").await;
    assert_eq!(listed["id"], json!(id));
    assert_eq!(listed["type"], "test.sent");
    assert_eq!(
        (&listed["status"], &listed["answer"]),
        (&json!(202), &json!("thanks"))
    );
    let job = read(&client, &format!("/v1/jobs/{id}")).await;
    assert_eq!(
        (&job["kind"], &job["state"]),
        (&json!("webhook"), &json!("succeeded"))
    );
}

/// As the schedule says, in real time: the second attempt comes 5 s after the first.
#[tokio::test]
async fn a_failure_is_tried_again_with_its_id_and_a_new_time() {
    let server = Server::with_worker(&[("APP__JOBS__POLL_INTERVAL", "100ms")]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([Reply::Says(500, "not today".to_owned())]).await;
    let endpoint = register(&client, &receiver).await;
    send(&server.app, &endpoint, &receiver.url()).await;
    let first = receiver.receives(1).await;
    let failed = delivery(&client, &endpoint, |item| item["error"].is_string()).await;
    assert!(failed["attempted_at"].is_string());
    assert_eq!(
        (&failed["state"], &failed["status"]),
        (&json!("queued"), &json!(500))
    );
    assert_eq!(
        (&failed["error"], &failed["answer"]),
        (&json!("it answered 500"), &json!("not today"))
    );
    assert!(failed["next_attempt_at"].is_string());
    assert!(read(&client, &endpoint).await["failing_since"].is_string());

    let second = receiver.receives(2).await;
    let waited = second.at - first.at;
    assert!(waited >= Duration::from_secs(5), "{waited:?}");
    assert_eq!(second.id(), first.id());
    assert_eq!(second.body, first.body);
    assert!(second.timestamp() > first.timestamp());
    let secret = secret(&client, &endpoint).await;
    assert!(first.is_signed_with(&secret) && second.is_signed_with(&secret));
    let done = delivery(&client, &endpoint, |item| item["state"] == "succeeded").await;
    assert_eq!(
        (&done["attempts"], &done["status"]),
        (&json!(2), &json!(200))
    );
    assert_eq!(read(&client, &endpoint).await["failing_since"], json!(null));
}

#[tokio::test]
async fn of_a_receiver_that_is_not_there_it_is_told_why_and_no_answer() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let url = "http://127.0.0.1:9/hook";
    let endpoint = register_url(&client, url).await;
    send(&server.app, &endpoint, url).await;
    let failed = delivery(&client, &endpoint, |item| item["error"].is_string()).await;
    let error = failed["error"].as_str().expect("text");
    assert!(error.starts_with("it cannot be reached"), "{error}");
    assert_eq!(
        (&failed["status"], &failed["answer"]),
        (&json!(null), &json!(null))
    );
    assert!(failed["attempted_at"].is_string());
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_until_it_is_enabled_again() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([Reply::Status(410)]).await;
    let endpoint = register(&client, &receiver).await;
    send(&server.app, &endpoint, &receiver.url()).await;
    let dead = delivery(&client, &endpoint, |item| item["state"] == "dead").await;
    assert_eq!(
        (&dead["status"], &dead["attempts"]),
        (&json!(410), &json!(1))
    );
    assert_eq!(read(&client, &endpoint).await["disabled"], "gone");

    let second = send(&server.app, &endpoint, &receiver.url()).await;
    let refused = delivery(&client, &endpoint, |item| {
        item["id"] == json!(second) && item["state"] == "dead"
    })
    .await;
    assert_eq!(
        refused["error"],
        "its endpoint is disabled: it answered 410"
    );
    assert_eq!(receiver.received().len(), 1);

    let enabled = client.post(&format!("{endpoint}/enable"), &json!({})).await;
    assert_eq!(enabled.status(), 200);
    let third = send(&server.app, &endpoint, &receiver.url()).await;
    assert_eq!(receiver.receives(2).await.id(), third);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let elsewhere = Receiver::start([]).await;
    let replies =
        [301, 302, 303, 307, 308].map(|code| Reply::With(code, "location", elsewhere.url()));
    let receiver = Receiver::start(replies).await;
    for code in [301, 302, 303, 307, 308] {
        // Each at another endpoint: one that fails so often would be left alone.
        let url = format!("{}/{code}", receiver.url());
        let endpoint = register_url(&client, &url).await;
        send(&server.app, &endpoint, &url).await;
        let failed = delivery(&client, &endpoint, |item| item["error"].is_string()).await;
        assert_eq!(
            (&failed["state"], &failed["status"]),
            (&json!("queued"), &json!(code))
        );
    }
    assert_eq!(elsewhere.received().len(), 0);
}

#[tokio::test]
async fn a_receiver_that_names_a_time_is_left_alone_until_then() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let busy = |wait: &str| Reply::With(429, "retry-after", wait.to_owned());
    let receiver = Receiver::start([busy("3600"), busy("1")]).await;
    let endpoint = register(&client, &receiver).await;
    // Asked for less, it still keeps its schedule.
    for (shortest, longest) in [(3_500, 3_700), (3, 30)] {
        let id = send(&server.app, &endpoint, &receiver.url()).await;
        let failed = delivery(&client, &endpoint, |item| {
            item["id"] == json!(id) && item["error"].is_string()
        })
        .await;
        let next = failed["next_attempt_at"].as_str().expect("a time");
        let next = OffsetDateTime::parse(next, &Rfc3339).expect("a time");
        let wait = next.unix_timestamp() - now();
        assert!((shortest..=longest).contains(&wait), "{wait} s");
        if longest > 3_600 {
            // So is all else that is for it.
            let resting = &read(&client, &endpoint).await["resting_until"];
            assert!(resting.is_string(), "{resting}");
        }
        let enabled = client.post(&format!("{endpoint}/enable"), &json!({})).await;
        assert_eq!(enabled.status(), 200);
    }
}

#[tokio::test]
async fn an_endpoint_that_only_fails_for_5_days_is_disabled() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start((0..20).map(|_| Reply::Status(500))).await;
    let endpoint = register(&client, &receiver).await;
    for (age, disabled) in [
        (
            "UPDATE webhook_endpoints SET failing_since = failing_since",
            json!(null),
        ),
        (
            "UPDATE webhook_endpoints SET failing_since = failing_since - 431000000",
            json!(null),
        ),
        (
            "UPDATE webhook_endpoints SET failing_since = failing_since - 1000001",
            json!("failing"),
        ),
    ] {
        change(&server.app, age).await;
        let id = send(&server.app, &endpoint, &receiver.url()).await;
        delivery(&client, &endpoint, |item| {
            item["id"] == json!(id) && item["error"].is_string()
        })
        .await;
        assert_eq!(
            read(&client, &endpoint).await["disabled"],
            disabled,
            "{age}"
        );
        // Those before are not tried again meanwhile, and what they began is no rest for the next.
        let later = "UPDATE jobs SET run_at = run_at + 3600000, rank = rank + 3600000";
        change(&server.app, later).await;
        change(&server.app, "DELETE FROM job_rests").await;
    }
}

#[tokio::test]
async fn of_a_long_answer_only_the_beginning_is_kept() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([Reply::Says(200, "x\0".repeat(500_000))]).await;
    let endpoint = register(&client, &receiver).await;
    send(&server.app, &endpoint, &receiver.url()).await;
    let done = delivery(&client, &endpoint, |item| item["state"] == "succeeded").await;
    let kept = done["answer"].as_str().expect("text");
    assert_eq!(kept.chars().count(), 20_000);
    assert!(kept.starts_with("x\u{fffd}x"));
}

/// Neither before its answer nor in the middle of it.
#[tokio::test]
async fn a_receiver_is_waited_for_within_bounds() {
    let server = Server::start().await;
    let webhooks = Webhooks::new(server.app.guard.clone()).expect("a client");
    let limit = Duration::from_millis(300);
    let post = async |url: String| {
        let deadline = Deadline::after(limit);
        let posted = webhooks.post(&url, http::HeaderMap::new(), "{}".to_owned(), deadline);
        timeout(Duration::from_secs(20), posted).await
    };
    let silent = Receiver::start([Reply::Silence]).await;
    let late = post(silent.url()).await.expect("an end");
    assert!(matches!(late, Err(Error::Late)), "{late:?}");
    let answer = post(breaks_off().await).await.expect("an end");
    let answer = answer.expect("a status");
    assert_eq!((answer.status, answer.body.as_str()), (200, "and"));
}

/// Where somebody answers 200 and the beginning of a body, and no more.
async fn breaks_off() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let asked = stream.read(&mut [0; 4_096]).await.expect("a request");
        assert!(asked > 0);
        let beginning = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nand";
        stream.write_all(beginning).await.expect("bytes");
        std::future::pending::<()>().await;
    });
    format!("http://{address}/")
}

/// A receiver that does not answer costs its own delivery time, and no other.
#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_else() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let slow = Receiver::start([Reply::Silence, Reply::Silence, Reply::Silence]).await;
    let quick = Receiver::start([]).await;
    let (to_slow, to_quick) = (
        register(&client, &slow).await,
        register(&client, &quick).await,
    );
    for _ in 0..3 {
        send(&server.app, &to_slow, &slow.url()).await;
    }
    slow.receives(3).await;
    send(&server.app, &to_quick, &quick.url()).await;
    delivery(&client, &to_quick, |item| item["state"] == "succeeded").await;
    let waiting = delivery(&client, &to_slow, |_| true).await;
    assert_eq!(waiting["state"], "running");
    // Nothing is held meanwhile: the database serves whoever asks.
    register(&client, &Receiver::start([]).await).await;
}

#[tokio::test]
async fn what_was_to_go_to_an_endpoint_that_is_removed_goes_nowhere() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([Reply::Status(500)]).await;
    let endpoint = register(&client, &receiver).await;
    let id = send(&server.app, &endpoint, &receiver.url()).await;
    delivery(&client, &endpoint, |item| item["error"].is_string()).await;
    client.remove(&endpoint).await;
    change(&server.app, "UPDATE jobs SET run_at = 0, rank = 0").await;
    eventually("its end", async || {
        let job = read(&client, &format!("/v1/jobs/{id}")).await;
        (job["state"] == "succeeded").then_some(())
    })
    .await;
    assert_eq!(receiver.received().len(), 1);
}
