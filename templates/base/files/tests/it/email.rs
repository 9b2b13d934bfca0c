//! P7 on the worked example: mails are handed in once, whatever the provider does meanwhile.

use reqwest::StatusCode;
use serde_json::{Value, json};
use service::{
    config::{Config, Environment},
    data::{
        jobs::{State, desk},
        meter::Meter,
    },
    edge::deadline::Deadline,
    jobs::Kind,
};
use std::time::Duration;
use uuid::Uuid;

use crate::support::{
    Client, Server,
    client::{header, problem},
    eventually, production,
    receiver::{Received, Receiver, Reply},
};

const TO: &str = "somebody@example.com";

/// With a worker, and this provider.
async fn server(url: &str) -> Server {
    Server::with_worker(&[
        ("APP__EMAIL__URL", url),
        ("APP__EMAIL__TOKEN", "secret-of-the-provider"),
        ("APP__EMAIL__FROM", "orders@example.com"),
        ("APP__JOBS__POLL_INTERVAL", "100ms"),
    ])
    .await
}

async fn ask(client: &Client) -> String {
    let body = json!({ "title": "all", "notify": TO });
    let key = Uuid::now_v7().to_string();
    let answer = client.post_with_key("/v1/reports", &key, &body).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    header(&answer, "location").to_owned()
}

/// The job that sends the mail: the client may read it by the key that the provider was given.
async fn sending(client: &Client, received: &Received, holds: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/jobs/{}", received.header("idempotency-key"));
    eventually("the mail's job", async || {
        let job: Value = client.get(&path).await.json().await.expect("JSON");
        holds(&job).then_some(job)
    })
    .await
}

async fn hurry(server: &Server) {
    let deadline = Deadline::after(Duration::from_secs(20));
    let connection = server.app.database.write(deadline, &Meter::default()).await;
    let statement = sqlx::query("UPDATE jobs SET run_at = 0, rank = 0 WHERE state = 'queued'");
    let mut connection = connection.expect("a connection");
    connection.execute(statement).await.expect("a change");
}

#[tokio::test]
async fn a_mail_is_handed_in() {
    let provider = Receiver::start([]).await;
    let server = server(&provider.url()).await;
    let client = server.client("a");
    let report = ask(&client).await;
    let received = provider.receives(1).await;
    assert_eq!(
        received.header("authorization"),
        "Bearer secret-of-the-provider"
    );
    let mail: Value = serde_json::from_str(&received.body).expect("JSON");
    assert_eq!(
        (&mail["from"], &mail["to"]),
        (&json!("orders@example.com"), &json!(TO))
    );
    let text = mail["text"].as_str().expect("text");
    assert!(text.contains(&report), "{text}");
    let job = sending(&client, &received, |job| job["state"] == "succeeded").await;
    assert_eq!(
        (&job["kind"], &job["attempts"]),
        (&json!("email"), &json!(1))
    );
}

#[tokio::test]
async fn a_provider_that_names_a_time_is_asked_again_then_with_the_same_key() {
    let busy = Reply::With(429, "retry-after", "1".to_owned());
    let provider = Receiver::start([busy]).await;
    let server = server(&provider.url()).await;
    let client = server.client("a");
    ask(&client).await;
    let first = provider.receives(1).await;
    let second = provider.receives(2).await;
    let waited = second.at - first.at;
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert_eq!(
        first.header("idempotency-key"),
        second.header("idempotency-key")
    );
    assert_eq!(first.body, second.body);
    let job = sending(&client, &second, |job| job["state"] == "succeeded").await;
    assert_eq!(job["attempts"], 1);
}

#[tokio::test]
async fn a_provider_that_wants_an_hour_gets_it() {
    let busy = Reply::With(429, "retry-after", "3600".to_owned());
    let provider = Receiver::start([busy]).await;
    let server = server(&provider.url()).await;
    let client = server.client("a");
    ask(&client).await;
    let first = provider.receives(1).await;
    let job = sending(&client, &first, |job| job["error"].is_string()).await;
    assert_eq!(job["state"], "queued");
    // Not even when somebody is in a hurry.
    hurry(&server).await;
    sending(&client, &first, |job| {
        job["attempts"] == 2 && job["state"] == "queued"
    })
    .await;
    assert_eq!(provider.received().len(), 1);
}

#[tokio::test]
async fn a_provider_that_stalls_is_asked_again_later() {
    let provider = Receiver::start([Reply::Silence]).await;
    let server = server(&provider.url()).await;
    let client = server.client("a");
    ask(&client).await;
    let first = provider.receives(1).await;
    // Nothing of ours waits with it.
    client.create("meanwhile").await;
    let job = sending(&client, &first, |job| job["error"].is_string()).await;
    let said = "a service that this one depends on failed: it did not answer in time";
    assert_eq!(
        (&job["state"], &job["error"]),
        (&json!("queued"), &json!(said))
    );
    hurry(&server).await;
    let second = provider.receives(2).await;
    assert_eq!(
        first.header("idempotency-key"),
        second.header("idempotency-key")
    );
    sending(&client, &second, |job| job["state"] == "succeeded").await;
}

/// A kind's places are its own: those that wait keep nobody out but their like.
#[tokio::test]
async fn so_many_mails_are_under_way_at_once_as_their_kind_has_places() {
    const MAILS: usize = 10;
    let provider = Receiver::start((0..MAILS).map(|_| Reply::Silence)).await;
    let server = server(&provider.url()).await;
    let client = server.client("a");
    let mut reports = Vec::new();
    for _ in 0..MAILS {
        reports.push(ask(&client).await);
    }
    let places = Kind::Email.concurrency();
    provider.receives(places).await;
    for report in reports {
        eventually("the report", async || {
            let job: Value = client.get(&report).await.json().await.expect("JSON");
            (job["state"] == "succeeded").then_some(())
        })
        .await;
        let under_way = under_way(&server).await;
        assert!(under_way <= places, "{under_way}");
    }
}

async fn under_way(server: &Server) -> usize {
    let deadline = Deadline::after(Duration::from_secs(20));
    let connection = server.app.database.read(deadline, &Meter::default()).await;
    let running = desk::list(&mut connection.expect("a connection"), State::Running, 100).await;
    let mut running = running.expect("a list");
    running.retain(|job| job.kind == Kind::Email.name());
    running.len()
}

#[tokio::test]
async fn a_provider_that_is_gone_gets_the_mail_when_it_is_back() {
    let provider = Receiver::start([]).await;
    let (url, address) = (provider.url(), provider.stop().await);
    let server = server(&url).await;
    let client = server.client("a");
    let report = ask(&client).await;
    eventually("a failure", async || {
        let deadline = Deadline::after(Duration::from_secs(20));
        let connection = server.app.database.read(deadline, &Meter::default()).await;
        let failed = sqlx::query_scalar(
            "SELECT COUNT(*) FROM jobs WHERE kind = 'email' AND last_error IS NOT NULL",
        );
        let failed: i64 = connection
            .expect("a connection")
            .scalar(failed)
            .await
            .expect("a count");
        (failed == 1).then_some(())
    })
    .await;
    let provider = Receiver::start_at(&address, []).await;
    hurry(&server).await;
    let received = provider.receives(1).await;
    assert!(received.body.contains(&report));
    let job = sending(&client, &received, |job| job["state"] == "succeeded").await;
    assert!(job["attempts"].as_i64() >= Some(2), "{job}");
}

#[tokio::test]
async fn a_mail_that_is_refused_is_not_sent_again() {
    let provider = Receiver::start([Reply::Status(422)]).await;
    let server = server(&provider.url()).await;
    let client = server.client("a");
    ask(&client).await;
    let first = provider.receives(1).await;
    let job = sending(&client, &first, |job| job["state"] == "dead").await;
    assert_eq!(job["attempts"], 1);
    assert_eq!(provider.received().len(), 1);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let server = Server::start().await;
    let body = json!({ "title": "all", "notify": "not an address" });
    let answer = server
        .client("a")
        .post_with_key("/v1/reports", "k", &body)
        .await;
    let refused = problem(answer, 422).await;
    assert_eq!(refused["errors"][0]["pointer"], "/notify");
}

/// Without a provider, development takes the wish and shows the mail; production says that there is none.
#[test]
fn where_no_mail_is_sent_none_is_promised() {
    let read = |given: Vec<(&str, &str)>| {
        let given = given
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::read(&mut Environment::new(given)).map(|(config, _)| config.email)
    };
    let production: Vec<_> = production::environment().into_iter().collect();
    assert!(!read(production.clone()).expect("it holds").is_offered());
    let development = read(vec![("APP__ENVIRONMENT", "development")]);
    assert!(development.expect("it holds").is_offered());
    let url = ("APP__EMAIL__URL", "https://api.resend.com/emails");
    let problems = read([production.clone(), vec![url]].concat()).expect_err("no sender");
    assert!(
        problems.to_string().contains("APP__EMAIL__FROM must be"),
        "{problems}"
    );
    let from = ("APP__EMAIL__FROM", "orders@example.com");
    let whole = read([production, vec![url, from]].concat());
    assert!(whole.expect("it holds").is_offered());
}
