//! Work that escapes the request. A job is a row, added in the transaction of what it belongs to; workers
//! claim rows, work on them, and end them in the transaction of their effect. So a job runs at least once,
//! and takes effect once.
//!
//! To add a kind: a variant in `kind.rs` with its limits, and its handler, which looks like an endpoint's. To
//! have one run by the clock: a line in `schedule.rs`.

mod attempt;
mod backoff;
mod failure;
mod kind;
pub mod news;
pub mod schedule;
mod settlement;
pub mod webhooks;
mod work;
pub mod worker;

use std::time::Duration;

use http::HeaderMap;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use uuid::{Builder, Uuid};

pub use self::{
    failure::Failure,
    kind::Kind,
    work::{Done, Work},
};
use crate::{
    app::state::App,
    data::{
        connection::{Connection, Transaction},
        error::Error,
        jobs::{self, NewJob},
        meter::Meter,
    },
    edge::{deadline::Deadline, problem::Problem},
    telemetry::propagation,
};

/// A job to be, with what is usual for its kind.
#[derive(Clone, Debug)]
pub struct Order<'a, P> {
    pub kind: Kind,
    pub tenant: &'a str,
    /// Rows outlive releases: a field that is added later needs a default.
    pub payload: &'a P,
    /// Higher comes earlier: each step is a head start of a minute. 0 is usual.
    pub priority: u8,
    /// How long it is not due.
    pub delay: Duration,
    /// While a job of this kind and tenant with this key is queued or running, no other one is added.
    pub dedupe_key: Option<&'a str>,
}

impl<'a, P: Serialize> Order<'a, P> {
    pub fn new(kind: Kind, tenant: &'a str, payload: &'a P) -> Self {
        Self {
            kind,
            tenant,
            payload,
            priority: 0,
            delay: Duration::ZERO,
            dedupe_key: None,
        }
    }

    /// Adds the job in the caller's transaction, and gives its id, or that of the one with its key. Workers
    /// find it by themselves; `news` makes them look at once.
    pub async fn enqueue(&self, connection: &mut Connection) -> Result<Uuid, Problem> {
        let (payload, traceparent) = (self.payload()?, traceparent());
        let job = self.job(Uuid::now_v7(), &payload, traceparent.as_deref());
        Ok(jobs::insert(connection, &job).await?)
    }

    /// The same in one statement, for who does not ask which job it is. Whether it was added.
    pub async fn ensure(&self, connection: &mut Connection) -> Result<bool, Problem> {
        self.add(connection, Uuid::now_v7()).await
    }

    /// The same once for each `name`, as long as the job is kept: the inbox of messages from outside, whose name is
    /// their id. False where it is there already.
    pub async fn enqueue_once(
        &self,
        connection: &mut Connection,
        name: &str,
    ) -> Result<bool, Problem> {
        let id = named(&format!("{}@{name}", self.kind.name()));
        self.add(connection, id).await
    }

    async fn add(&self, connection: &mut Connection, id: Uuid) -> Result<bool, Problem> {
        let (payload, traceparent) = (self.payload()?, traceparent());
        let job = self.job(id, &payload, traceparent.as_deref());
        Ok(jobs::add(connection, &job).await?)
    }

    fn payload(&self) -> Result<String, Problem> {
        serde_json::to_string(self.payload).map_err(|error| Problem::internal(&error))
    }

    fn job<'b>(&'b self, id: Uuid, payload: &'b str, traceparent: Option<&'b str>) -> NewJob<'b> {
        NewJob {
            id,
            tenant: self.tenant,
            kind: self.kind.name(),
            payload,
            priority: self.priority,
            delay: self.delay,
            max_attempts: self.kind.max_attempts(),
            dedupe_key: self.dedupe_key,
            traceparent,
        }
    }
}

/// The id of a job that is made once: the same name gives the same id.
fn named(name: &str) -> Uuid {
    let digest = digest(&SHA256, name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The longest wait of the worker itself for the database; handlers have their time limit.
const PATIENCE: Duration = Duration::from_secs(5);

async fn reader(app: &App) -> Result<Connection, Error> {
    let deadline = Deadline::after(PATIENCE);
    app.database.read(deadline, &Meter::default()).await
}

async fn writer(app: &App) -> Result<Connection, Error> {
    let deadline = Deadline::after(PATIENCE);
    app.database.write(deadline, &Meter::default()).await
}

/// Runs `work` in a transaction of the worker's own.
async fn transact<F, R>(app: &App, work: F) -> Result<R, Error>
where
    F: AsyncFnOnce(&mut Transaction<'_>) -> Result<R, Error>,
{
    let mut meter = Meter::default();
    let deadline = Deadline::after(PATIENCE);
    let connection = app.database.begin(deadline, &meter).await?;
    let mut transaction = Transaction::new(connection, &mut meter);
    let outcome = work(&mut transaction).await?;
    transaction.commit().await?;
    Ok(outcome)
}

/// The current span, so that what the job does is part of the trace that asked for it.
fn traceparent() -> Option<String> {
    let mut headers = HeaderMap::new();
    propagation::inject(&mut headers);
    let value = headers.get(propagation::TRACEPARENT)?.to_str().ok()?;
    Some(value.to_owned())
}
