//! Messages from outside: believed only when they are signed, and taken once.

use reqwest::{Method, Response};
use serde_json::json;
use service::{
    app::state::App,
    data::{
        jobs::{State, desk},
        meter::Meter,
    },
    edge::deadline::Deadline,
};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::task::JoinSet;

use super::TENANT;
use crate::support::{
    Client, Server,
    client::problem,
    eventually,
    sender::{INBOUND_SECRET, Signed},
};

const PATH: &str = "/v1/hooks";
const SECRET: &str = "APP__WEBHOOKS__INBOUND_SECRET";
const OTHER: &str = "whsec_YW5vdGhlciBzZWNyZXQsIG9mIDMyIGJ5dGVzIHRvbyE=";

fn submission(title: &str) -> String {
    let data = json!({ "tenant": TENANT, "title": title, "body": "handed in" });
    json!({ "type": "document.submitted", "data": data }).to_string()
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

async fn post(client: &Client, message: Signed) -> Response {
    let request = message.on(client.request(Method::POST, PATH));
    request.send().await.expect("an answer")
}

/// How many messages there are, whatever became of them.
async fn messages(app: &App) -> usize {
    let deadline = Deadline::after(Duration::from_secs(20));
    let connection = app.database.read(deadline, &Meter::default()).await;
    let mut connection = connection.expect("a connection");
    let mut count = 0;
    for state in State::ALL {
        let jobs = desk::list(&mut connection, state, 1_000).await;
        let jobs = jobs.expect("jobs");
        count += jobs.iter().filter(|job| job.kind == "hook").count();
    }
    count
}

#[tokio::test]
async fn a_signed_message_takes_effect() {
    let server = Server::with_worker(&[]).await;
    let taken = post(&server.stranger(), Signed::now("msg_1", &submission("one"))).await;
    assert_eq!(taken.status(), 202);
    let client = server.client(TENANT);
    eventually("the document", async || {
        (client.count().await == 1).then_some(())
    })
    .await;
    assert_eq!(server.client("neighbour").count().await, 0);
}

#[tokio::test]
async fn what_is_not_signed_is_not_read() {
    let server = Server::start().await;
    let stranger = server.stranger();
    let body = submission("one");
    let good = || Signed::now("msg_1", &body);
    let forged = [
        Signed::with(OTHER, "msg_1", now(), &body),
        Signed {
            body: submission("two"),
            ..good()
        },
        Signed {
            body: format!("{body} "),
            ..good()
        },
        // It is not even JSON: that is found out by nobody who is not believed.
        Signed {
            body: "{".to_owned(),
            ..good()
        },
        Signed {
            id: "msg_2".to_owned(),
            ..good()
        },
        Signed {
            timestamp: now() - 7,
            ..good()
        },
        Signed {
            signatures: String::new(),
            ..good()
        },
        Signed {
            signatures: "v1,".to_owned(),
            ..good()
        },
        Signed {
            signatures: good().signatures.replace("v1,", "v1a,"),
            ..good()
        },
        Signed {
            signatures: format!("{} x", "v1,AAAA ".repeat(9)) + &good().signatures,
            ..good()
        },
    ];
    for (number, message) in forged.into_iter().enumerate() {
        let refused = post(&stranger, message).await;
        assert_eq!(refused.status(), 401, "{number}");
        let problem = problem(refused, 401).await;
        assert_eq!(problem["type"], "urn:problem:invalid-signature");
    }
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let request = good().on(stranger.request(Method::POST, PATH)).build();
        let mut request = request.expect("a request");
        request.headers_mut().remove(missing);
        let refused = reqwest::Client::new().execute(request).await;
        problem(refused.expect("an answer"), 401).await;
    }
    assert_eq!(messages(&server.app).await, 0);
}

#[tokio::test]
async fn a_message_of_another_time_is_refused() {
    let server = Server::start().await;
    let body = submission("one");
    for (seconds, status) in [(-310, 401), (310, 401), (-290, 202), (290, 202)] {
        let id = format!("msg_{seconds}");
        let message = Signed::with(INBOUND_SECRET, &id, now() + seconds, &body);
        let answer = post(&server.stranger(), message).await;
        assert_eq!(answer.status(), status, "{seconds} s");
    }
    assert_eq!(messages(&server.app).await, 2);
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_one_job() {
    let server = Server::with_worker(&[]).await;
    let client = server.client(TENANT);
    let mut sending = JoinSet::new();
    for _ in 0..20 {
        let stranger = server.stranger();
        sending.spawn(async move {
            let taken = post(&stranger, Signed::now("msg_1", &submission("one"))).await;
            assert_eq!(taken.status(), 202);
        });
    }
    sending.join_all().await;
    eventually("the document", async || {
        (client.count().await == 1).then_some(())
    })
    .await;
    // Long after, with a time and a signature of its own.
    let again = Signed::with(INBOUND_SECRET, "msg_1", now() + 1, &submission("one"));
    assert_eq!(post(&server.stranger(), again).await.status(), 202);
    assert_eq!(messages(&server.app).await, 1);
    // The next message is another one.
    post(&server.stranger(), Signed::now("msg_2", &submission("two"))).await;
    eventually("the second document", async || {
        (client.count().await == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_secrets_hold_while_one_takes_the_others_place() {
    let both = format!("{INBOUND_SECRET} {OTHER}");
    let server = Server::with(&[(SECRET, &both)]).await;
    let body = submission("one");
    for (id, secret) in [("msg_1", INBOUND_SECRET), ("msg_2", OTHER)] {
        let message = Signed::with(secret, id, now(), &body);
        assert_eq!(post(&server.stranger(), message).await.status(), 202);
    }
}

#[tokio::test]
async fn a_message_is_what_it_must_be() {
    let server = Server::with_worker(&[]).await;
    let stranger = server.stranger();
    for body in ["{", "[]", "{}", r#"{"type":"document.submitted"}"#] {
        problem(post(&stranger, Signed::now("msg_1", body)).await, 400).await;
    }
    let long = submission(&"x".repeat(64 * 1024));
    problem(post(&stranger, Signed::now("msg_1", &long)).await, 413).await;
    assert_eq!(messages(&server.app).await, 0);
    // What nobody knows is taken, and nothing comes of it.
    let unknown = json!({ "type": "weather.changed", "data": {} }).to_string();
    assert_eq!(
        post(&stranger, Signed::now("msg_2", &unknown))
            .await
            .status(),
        202
    );
    // A document that does not hold is the sender's fault, for ever: somebody must look.
    let title = submission("");
    assert_eq!(
        post(&stranger, Signed::now("msg_3", &title)).await.status(),
        202
    );
    for state in [State::Succeeded, State::Dead] {
        eventually(state.name(), async || {
            let deadline = Deadline::after(Duration::from_secs(20));
            let connection = server.app.database.read(deadline, &Meter::default()).await;
            let jobs = desk::list(&mut connection.expect("a connection"), state, 9).await;
            let mut jobs = jobs.expect("jobs").into_iter();
            jobs.find(|job| job.kind == "hook")
        })
        .await;
    }
    assert_eq!(server.client(TENANT).count().await, 0);
}

#[tokio::test]
async fn without_a_secret_nobody_is_believed() {
    let folder = temp_dir::TempDir::new().expect("a folder");
    let file = folder.path().join("none");
    std::fs::write(&file, " ").expect("a file");
    let given = [(SECRET, "whsec_dG9vIHNob3J0")];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let read = service::config::Config::read(&mut service::config::Environment::new(given));
    let told = format!("{}", read.expect_err("it does not hold"));
    assert!(
        told.contains("24 to 64 bytes") && !told.contains("dG9v"),
        "{told}"
    );
}
