//! P5: a job is run at least once and takes effect once, whatever happens to its worker.

mod cancel;
mod claims;
mod crash;
mod desk;
mod ends;
mod endurance;
mod isolation;
mod reports;
mod schedule;
mod watch;

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use service::{
    app::{context::Context, state::App},
    data::{
        connection::Connection,
        database::Database,
        documents::{self, Document},
        jobs::{self, Claimed, Job, Lease, NewJob, State, desk as table},
        meter::Meter,
    },
    edge::deadline::Deadline,
    external::http::Http,
};
use temp_dir::TempDir;
use uuid::Uuid;

use crate::support::{Client, Server, client::header, configuration, eventually};

const KIND: &str = "report";
const TENANT: &str = "a";
/// How many that share a key run at once.
const PER_KEY: u32 = 2;
const LEASE: Duration = Duration::from_secs(60);

/// The table alone: no worker is at it but the test.
struct Table(Server);

impl Table {
    async fn start() -> Self {
        Self(Server::start().await)
    }

    async fn connection(&self) -> Connection {
        connection(&self.0.app.database).await
    }

    async fn add<'a>(&self, change: impl FnOnce(&mut NewJob<'a>)) -> Uuid {
        let mut job = report(Uuid::now_v7());
        change(&mut job);
        let added = jobs::insert(&mut self.connection().await, &job).await;
        added.expect("a job")
    }

    async fn claim(&self) -> Option<(Lease, Claimed)> {
        self.claim_for(LEASE).await
    }

    async fn claim_for(&self, lease: Duration) -> Option<(Lease, Claimed)> {
        let token = Uuid::now_v7();
        let mut connection = self.connection().await;
        let claimed = jobs::claim(&mut connection, KIND, Some(PER_KEY), token, lease).await;
        let claimed = claimed.expect("an answer")?;
        let id = claimed.id;
        Some((Lease { id, token }, claimed))
    }

    async fn job(&self, id: Uuid) -> Job {
        let found = table::inspect(&mut self.connection().await, id).await;
        found.expect("an answer").expect("a job").0
    }

    /// As if its worker had not been heard of for long.
    async fn end_lease(&self, id: Uuid) -> Vec<State> {
        let statement = sqlx::query("UPDATE jobs SET lease_until = 0 WHERE id = $1").bind(id);
        let mut connection = self.connection().await;
        connection.execute(statement).await.expect("a change");
        let reaped = jobs::reap(&mut connection, 100).await.expect("an answer");
        reaped.into_iter().map(|(_, state)| state).collect()
    }
}

fn report<'a>(id: Uuid) -> NewJob<'a> {
    NewJob {
        id,
        tenant: TENANT,
        kind: KIND,
        payload: r#"{"title":"one"}"#,
        priority: 0,
        delay: Duration::ZERO,
        max_attempts: 3,
        dedupe_key: None,
        concurrency_key: None,
        traceparent: None,
    }
}

async fn connection(database: &Database) -> Connection {
    let deadline = Deadline::after(Duration::from_secs(20));
    let lent = database.write(deadline, &Meter::default()).await;
    lent.expect("a connection")
}

/// The application on this folder, beside the processes that serve and work there.
async fn beside(folder: &TempDir) -> App {
    let config = configuration(folder.path(), &[]);
    let app = App::start(config, Http::new().expect("a client")).await;
    let app = app.expect("a start");
    app.database.migrate().await.expect("a schema");
    app
}

/// So many that a report on them takes a while.
async fn many_documents(app: &App) {
    let deadline = Deadline::after(Duration::from_secs(60));
    let mut context = Context::of_job(app, TENANT, Uuid::now_v7(), deadline);
    let mut transaction = context.begin().await.expect("a transaction");
    for _ in 0..10_000 {
        let document = Document {
            id: Uuid::now_v7(),
            title: "one".to_owned(),
            body: "two words".to_owned(),
            version: 1,
            created_at: 0,
            updated_at: 0,
        };
        let added = documents::insert(&mut transaction, TENANT, &document).await;
        added.expect("a document");
    }
    transaction.commit().await.expect("a commit");
}

/// Asks for a report; gives where its job is.
async fn ask(client: &Client) -> String {
    let body = json!({ "title": "all" });
    let key = Uuid::now_v7().to_string();
    let answer = client.post_with_key("/v1/reports", &key, &body).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    header(&answer, "location").to_owned()
}

async fn read(client: &Client, path: &str) -> Value {
    let answer: Response = client.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.expect("JSON")
}

/// Waits until the job is in this state.
async fn becomes(client: &Client, path: &str, state: &str) -> Value {
    eventually(state, async || {
        let job = read(client, path).await;
        (job["state"] == state).then_some(job)
    })
    .await
}

/// Waits until the job is on its way.
async fn moves(client: &Client, path: &str) -> Value {
    eventually("progress", async || {
        let job = read(client, path).await;
        assert_ne!(job["state"], "succeeded", "it was over too soon");
        job["progress"].as_i64().filter(|percent| *percent > 0)?;
        Some(job)
    })
    .await
}
