//! Messages of other services, by the broker. One becomes a job in a transaction, under an id of its own, and only then is
//! it acknowledged: delivered again, it is there already, for as long as jobs are kept. What nobody can read, and what
//! fails time and again, is laid aside with the reason.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    Kind,
    broker::Delivery,
    message::{Message, Queue},
    named, writer,
};
use crate::{
    app::state::App,
    data::{
        error::Error,
        jobs::{self, NewJob},
    },
};

/// As for every job's payload.
const LONGEST: usize = 64 * 1024;

/// A message that was delivered so often, and never acknowledged, is laid aside.
const DELIVERIES: i64 = 5;

/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Where messages are laid aside.
const ASIDE: &str = "dead.inbox";

/// What is read here of a message, a CloudEvent in JSON. Its job reads the rest.
#[derive(Deserialize)]
struct Envelope {
    /// The sender's, the same when it is sent again.
    id: String,
    source: String,
    #[serde(rename = "type")]
    _event: String,
    #[serde(rename = "data")]
    _data: Value,
    /// Of whoever sent it: the job is part of that trace.
    traceparent: Option<String>,
}

impl Envelope {
    /// What it is called, whoever sent it.
    fn name(&self) -> String {
        format!("{} {}", self.source, self.id)
    }
}

/// Until the process drains.
pub(super) async fn run(app: App) {
    while !app.lifecycle.is_draining() {
        if let Err(error) = receive(&app).await {
            tracing::debug!("no messages are received: {error:#}");
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = app.lifecycle.draining() => {}
        }
    }
}

async fn receive(app: &App) -> anyhow::Result<()> {
    let mut inbox = app.broker.subscribe(Queue::Inbox).await?;
    loop {
        let next = tokio::select! {
            next = inbox.next() => next?,
            () = app.lifecycle.draining() => return Ok(()),
        };
        if let Some(message) = next {
            settle(app, message).await?;
        }
    }
}

/// While the database is away, nobody else could take it either, so it is kept.
async fn settle(app: &App, message: Delivery) -> anyhow::Result<()> {
    let envelope = match read(message.body()) {
        Ok(envelope) => envelope,
        Err(reason) => return lay_aside(app, message, &reason).await,
    };
    if message.count() > DELIVERIES {
        let reason = format!("it was delivered {DELIVERIES} times, and never acknowledged");
        return lay_aside(app, message, &reason).await;
    }
    loop {
        match admit(app, &envelope, message.body()).await {
            Ok(()) => return message.take().await,
            Err(Error::Busy | Error::Deadline | Error::Unavailable(_)) => {}
            Err(error) if message.count() >= DELIVERIES => {
                return lay_aside(app, message, &error.to_string()).await;
            }
            Err(error) => {
                tracing::warn!(%error, "a message could not be taken: {error}");
                return message.leave(PAUSE).await;
            }
        }
        if app.lifecycle.is_draining() {
            return message.leave(Duration::ZERO).await;
        }
        message.keep().await?;
        sleep(PAUSE).await;
    }
}

/// The message, or why it is none.
fn read(body: &[u8]) -> Result<Envelope, String> {
    if body.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    serde_json::from_slice(body).map_err(|error| format!("it is no CloudEvent in JSON: {error}"))
}

/// Adds its job, once.
async fn admit(app: &App, envelope: &Envelope, body: &[u8]) -> Result<(), Error> {
    let payload = String::from_utf8_lossy(body);
    let job = NewJob {
        id: named(&format!("{}@{}", Kind::Hook.name(), envelope.name())),
        tenant: "",
        kind: Kind::Hook.name(),
        payload: &payload,
        priority: 0,
        delay: Duration::ZERO,
        max_attempts: Kind::Hook.max_attempts(),
        dedupe_key: None,
        concurrency_key: None,
        traceparent: envelope.traceparent.as_deref(),
    };
    if jobs::add(&mut writer(app).await?, &job).await? {
        app.news.publish(Kind::Hook);
    }
    Ok(())
}

/// Acknowledged only when it lies there.
async fn lay_aside(app: &App, message: Delivery, reason: &str) -> anyhow::Result<()> {
    tracing::error!(reason, "a message was laid aside: {reason}");
    let id = named(&String::from_utf8_lossy(message.body())).to_string();
    let aside = Message {
        id: &id,
        topic: ASIDE,
        body: message.body(),
        reason: Some(reason),
    };
    app.broker.publish(&aside).await?;
    message.take().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_called_by_its_source_and_its_id() {
        let message =
            br#"{ "specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": {} }"#;
        assert_eq!(read(message).expect("a message").name(), "/a 1");
    }

    #[test]
    fn what_is_no_message_says_why() {
        let nameless = br#"{ "source": "/a", "type": "t", "data": {} }"#;
        let said = read(nameless).map(drop).expect_err("a reason");
        assert!(said.contains("`id`"), "{said}");
        let long = vec![b' '; LONGEST + 1];
        assert!(read(&long).is_err_and(|reason| reason.contains("longer")));
    }
}
