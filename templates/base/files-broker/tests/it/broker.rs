//! What a broker adds to P5: workers hear of jobs, others are told and heard; and nothing is lost or done twice while it is
//! gone, when it has forgotten everything, when it says a thing twice and when it says things in another order.

mod events;
mod inbox;
mod news;
mod outages;
mod own;
mod unsent;

use std::time::Duration;

use serde_json::{Value, json};
use service::{
    app::state::App,
    data::{
        connection::Connection,
        jobs::{Job, State, desk},
        meter::Meter,
        outbox,
    },
    edge::deadline::Deadline,
    external::http::Http,
    jobs::{
        broker::{Broker, Delivery, Subscription},
        message::{Message, Queue},
    },
};
use temp_dir::TempDir;
use uuid::Uuid;

use crate::support::{Client, Process, client::header, configuration, eventually};

/// A worker looks by itself ten times as rarely, one of them for all now and then, and so does each relay.
const HARDLY_LOOKS: [(&str, &str); 1] = [("APP__JOBS__POLL_INTERVAL", "59s")];

/// The application on this folder, which tells nobody anything by itself.
async fn beside(folder: &TempDir, variables: &[(&str, &str)]) -> App {
    let config = configuration(folder.path(), variables);
    let app = App::start(config, Http::new().expect("a client")).await;
    let app = app.expect("a start");
    app.database.migrate().await.expect("a schema");
    app
}

async fn connection(app: &App) -> Connection {
    let deadline = Deadline::after(Duration::from_secs(20));
    let lent = app.database.write(deadline, &Meter::default()).await;
    lent.expect("a connection")
}

/// One process answers, and another one does the jobs.
async fn front_and_worker(folder: &TempDir, variables: &[(&str, &str)]) -> (Process, Process) {
    let front = Process::start_as("serve", folder.path(), variables).await;
    let worker = Process::start_as("worker", folder.path(), variables).await;
    (front, worker)
}

/// Asks for a report; gives where its job is.
async fn ask(client: &Client) -> String {
    let key = Uuid::now_v7().to_string();
    let body = json!({ "title": "all" });
    let asked = client.post_with_key("/v1/reports", &key, &body).await;
    assert_eq!(asked.status(), 202);
    header(&asked, "location").to_owned()
}

/// Waits until it is made; gives the job.
async fn is_made(client: &Client, path: &str) -> Value {
    eventually("the report", async || {
        let job: Value = client.get(path).await.json().await.expect("JSON");
        (job["state"] == "succeeded").then_some(job)
    })
    .await
}

/// Asks for a report, and waits until it is made; gives the job.
async fn report(client: &Client) -> Value {
    let path = ask(client).await;
    is_made(client, &path).await
}

/// All jobs of a kind, whatever became of them.
async fn jobs(app: &App, kind: &str) -> Vec<Job> {
    let mut connection = connection(app).await;
    let mut found = Vec::new();
    for state in State::ALL {
        let jobs = desk::list(&mut connection, state, 1_000).await;
        found.extend(
            jobs.expect("jobs")
                .into_iter()
                .filter(|job| job.kind == kind),
        );
    }
    found
}

/// Where the broker takes its time to answer, as on a busy machine, it is asked again.
async fn subscription(broker: &Broker, queue: Queue) -> Subscription {
    eventually("a subscription", async || {
        broker.subscribe(queue).await.ok()
    })
    .await
}

/// The same for a message, which then may be there twice.
async fn publish(broker: &Broker, message: &Message<'_>) {
    eventually("a message to be stored", async || {
        broker.publish(message).await.ok()
    })
    .await;
}

/// And for one that comes in.
async fn next(subscription: &mut Subscription) -> Delivery {
    eventually("a message", async || {
        subscription.next().await.ok().flatten()
    })
    .await
}

/// Waits until nothing is left to tell.
async fn all_is_told(app: &App) {
    eventually("an empty outbox", async || {
        let waits = outbox::waits(&mut connection(app).await).await;
        let waits = waits.expect("an answer");
        (!waits.news && !waits.events).then_some(())
    })
    .await;
}

/// What is left to tell.
async fn depth(app: &App) -> outbox::Depth {
    let depth = outbox::depth(&mut connection(app).await).await;
    depth.expect("an answer")
}
