//! A job that is asked for.

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use super::{Kind, named, traceparent};
use crate::{
    data::{
        blocking::jobs::{self, NewJob},
        connection::Connection,
    },
    edge::problem::Problem,
};

/// Of a payload, in bytes. What is longer stands elsewhere, and the payload says where: each claim reads all of it.
pub const LONGEST_PAYLOAD: usize = 64 * 1024;

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
    pub fn enqueue(&self, connection: &mut Connection) -> Result<Uuid, Problem> {
        let (payload, traceparent) = (self.payload()?, traceparent());
        let job = self.job(Uuid::now_v7(), &payload, traceparent.as_deref());
        Ok(jobs::insert(connection, &job)?)
    }

    /// The same in one statement, for who does not ask which job it is. Whether it was added.
    pub fn ensure(&self, connection: &mut Connection) -> Result<bool, Problem> {
        self.add(connection, Uuid::now_v7())
    }

    /// The same once for each `name`, as long as the job is kept: the inbox of messages from outside, whose name is
    /// their id. False where it is there already.
    pub fn enqueue_once(&self, connection: &mut Connection, name: &str) -> Result<bool, Problem> {
        let id = named(&format!("{}@{name}", self.kind.name()));
        self.add(connection, id)
    }

    fn add(&self, connection: &mut Connection, id: Uuid) -> Result<bool, Problem> {
        let (payload, traceparent) = (self.payload()?, traceparent());
        let job = self.job(id, &payload, traceparent.as_deref());
        Ok(jobs::add(connection, &job)?)
    }

    fn payload(&self) -> Result<String, Problem> {
        let payload =
            serde_json::to_string(self.payload).map_err(|error| Problem::internal(&error))?;
        if payload.len() > LONGEST_PAYLOAD {
            return Err(Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE)
                .detail("it is more than a job can be told"));
        }
        Ok(payload)
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
            concurrency_key: None,
            traceparent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_a_bound() {
        // Its quotation marks count.
        for (length, is_taken) in [(LONGEST_PAYLOAD - 2, true), (LONGEST_PAYLOAD - 1, false)] {
            let text = "x".repeat(length);
            let payload = Order::new(Kind::Purge, "a", &text).payload();
            assert_eq!(payload.is_ok(), is_taken, "{length}");
        }
    }
}
