//! Webhooks to tenants: a message is stored with its job, in the transaction of what it tells of, and delivered
//! until the receiver takes it or is given up. The job's id is the message's: the same at every attempt, so the
//! receiver can tell that it has it already.

mod callback;
mod delivery;
mod rest;
pub mod signature;
pub mod vault;

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use self::delivery::run;
pub use self::{callback::ended, signature::SigningSecret};
use super::{Kind, traceparent};
use crate::{
    app::time,
    data::{
        connection::Connection,
        error::Error,
        jobs::{self, NewJob},
        webhooks::deliveries::{self, NewDelivery},
    },
};

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// How long each failed attempt waits for the next: the schedule that Standard Webhooks recommends.
pub(super) const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    minutes(2 * 60),
    minutes(5 * 60),
    minutes(10 * 60),
    minutes(14 * 60),
    minutes(20 * 60),
    minutes(24 * 60),
];

/// Something that a tenant wants to be told of.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    pub tenant: &'a str,
    pub endpoint: Uuid,
    /// The endpoint's, or that with a query.
    pub url: &'a str,
    /// What happened, such as `report.finished`.
    pub event: &'a str,
    /// Thin: ids and states; who wants more, asks.
    pub data: Value,
}

impl Message<'_> {
    /// Enqueues its delivery in the caller's transaction; `news` of `Kind::Webhook` makes workers look at once.
    pub async fn enqueue(&self, connection: &mut Connection) -> Result<Uuid, Error> {
        let id = Uuid::now_v7();
        let traceparent = traceparent();
        let job = NewJob {
            id,
            tenant: self.tenant,
            kind: Kind::Webhook.name(),
            payload: "null",
            priority: 0,
            delay: Duration::ZERO,
            max_attempts: Kind::Webhook.max_attempts(),
            dedupe_key: None,
            concurrency_key: Some(self.endpoint),
            traceparent: traceparent.as_deref(),
        };
        jobs::insert(connection, &job).await?;
        let body = json!({
            "type": self.event,
            "timestamp": time::rfc3339(time::now()),
            "data": self.data,
        });
        let delivery = NewDelivery {
            id,
            endpoint: self.endpoint,
            url: self.url,
            event: self.event,
            body: &body.to_string(),
        };
        deliveries::insert(connection, self.tenant, &delivery).await?;
        Ok(id)
    }
}
