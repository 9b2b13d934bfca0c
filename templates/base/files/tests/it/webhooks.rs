//! P5: webhooks arrive, signed, and whatever happens; they lead nowhere that they must not.

mod callback;
mod delivery;
mod endpoints;
mod guard;
mod inbound;
mod keys;
mod refused;
mod throttle;
mod workers;

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use service::{
    app::state::App,
    data::meter::Meter,
    edge::deadline::Deadline,
    external::http::Http,
    jobs::{Kind, webhooks::Message, worker},
};
use uuid::Uuid;

use crate::support::{Client, configuration, eventually, receiver::Receiver};

const TENANT: &str = "a";

/// The data of the processes on this folder, in this process.
async fn open(folder: &Path) -> App {
    let config = configuration(folder, &[]);
    let app = App::start(config, Http::new().expect("a client")).await;
    let app = app.expect("a start");
    app.database.migrate().await.expect("a schema");
    app
}

/// An endpoint of the client's tenant at the receiver; gives its path.
async fn register(client: &Client, receiver: &Receiver) -> String {
    register_url(client, &receiver.url()).await
}

async fn register_url(client: &Client, url: &str) -> String {
    let body = json!({ "url": url });
    let added = client.post("/v1/webhook-endpoints", &body).await;
    assert_eq!(added.status(), 201);
    let location = &added.headers()["location"];
    location.to_str().expect("text").to_owned()
}

async fn read(client: &Client, path: &str) -> Value {
    let answer = client.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.expect("JSON")
}

async fn secret(client: &Client, endpoint: &str) -> String {
    let secret = read(client, &format!("{endpoint}/secret")).await;
    secret["secret"].as_str().expect("a secret").to_owned()
}

/// A message to the endpoint; gives its id.
async fn send(app: &App, endpoint: &str, url: &str) -> String {
    let id = endpoint.rsplit('/').next().expect("an id");
    let message = Message {
        tenant: TENANT,
        endpoint: Uuid::parse_str(id).expect("an id"),
        url,
        event: "test.sent",
        data: json!({ "some": "thing" }),
    };
    let deadline = Deadline::after(Duration::from_secs(20));
    // Not in two steps: a worker that found the job before its message would have nothing to deliver.
    let begun = app.database.begin(deadline, &Meter::default()).await;
    let mut transaction = begun.expect("a transaction");
    let sent = message.enqueue(&mut transaction).await;
    transaction.commit().await.expect("a commit");
    app.news.publish(Kind::Webhook);
    sent.expect("a message").to_string()
}

/// Works on what is there: tests look at it before.
fn work(app: &App) {
    tokio::spawn(worker::run(app.clone()));
}

/// Waits until the newest delivery to the endpoint is as `holds` says.
async fn delivery(client: &Client, endpoint: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let path = format!("{endpoint}/deliveries");
    eventually("a delivery", async || {
        let newest = read(client, &path).await["items"][0].take();
        holds(&newest).then_some(newest)
    })
    .await
}

async fn change(app: &App, statement: &'static str) {
    let deadline = Deadline::after(Duration::from_secs(20));
    let connection = app.database.write(deadline, &Meter::default()).await;
    let mut connection = connection.expect("a connection");
    let changed = connection.execute(sqlx::query(statement)).await;
    changed.expect("a change");
}
