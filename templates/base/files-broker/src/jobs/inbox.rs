//! Messages of other services, by the broker. One becomes a job in a transaction, under an id of its own, and only then is
//! it acknowledged: delivered again, it is there already, for as long as jobs are kept. What nobody can read, and what
//! fails time and again, is laid aside with the reason.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    Kind, LONGEST_PAYLOAD,
    broker::Delivery,
    message::{Message, Queue, Unsent},
    named, writer,
};
use crate::{
    app::state::App,
    data::{
        error::Error,
        jobs::{self, NewJob},
    },
    telemetry::broker as metrics,
};

/// A message that fails when it is delivered for this time, or later, is laid aside.
const DELIVERIES: i64 = 5;

/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// What is at hand when the process drains has so long to be settled. Left alone, it comes again.
const MOMENT: Duration = Duration::from_millis(500);

/// Of why a message is laid aside, in characters.
const LONGEST_REASON: usize = 300;

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
    /// What it is called: no other's, whoever sent it, nor that of any job that did not come in here.
    fn name(&self) -> String {
        format!("inbox:{}:{}{}", self.source.len(), self.source, self.id)
    }
}

/// Until the process drains.
pub(super) async fn run(app: App) {
    let end = async {
        app.lifecycle.draining().await;
        sleep(MOMENT).await;
    };
    tokio::select! {
        () = receive_all(&app) => {}
        () = end => {}
    }
}

/// Says once that it cannot, however long that lasts.
async fn receive_all(app: &App) {
    let mut is_down = false;
    while !app.lifecycle.is_draining() {
        if let Err(error) = receive(app, &mut is_down).await
            && !is_down
        {
            tracing::warn!("messages of others cannot be received, and wait: {error:#}");
            is_down = true;
        }
        rest(app).await;
    }
}

/// After a failure, unless the process drains.
async fn rest(app: &App) {
    tokio::select! {
        () = sleep(PAUSE) => {}
        () = app.lifecycle.draining() => {}
    }
}

async fn receive(app: &App, is_down: &mut bool) -> anyhow::Result<()> {
    let mut inbox = app.broker.subscribe(Queue::Inbox).await?;
    if std::mem::take(is_down) {
        tracing::info!("messages of others are received again");
    }
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
    loop {
        match admit(app, &envelope, message.body()).await {
            Ok(()) => {
                metrics::taken();
                return message.take().await;
            }
            Err(Error::Busy | Error::Deadline | Error::Unavailable(_)) => {}
            Err(error) if message.count() >= DELIVERIES => {
                return lay_aside(app, message, &error.to_string()).await;
            }
            Err(error) => {
                tracing::warn!(%error, "a message could not be taken: {error}");
                return message.leave(PAUSE).await;
            }
        }
        message.keep().await?;
        rest(app).await;
        if app.lifecycle.is_draining() {
            return message.leave(Duration::ZERO).await;
        }
    }
}

/// The message, or why it is none.
fn read(body: &[u8]) -> Result<Envelope, String> {
    if body.len() > LONGEST_PAYLOAD {
        return Err(format!("it is longer than {LONGEST_PAYLOAD} bytes"));
    }
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| fault(&error))?;
    if envelope.id.is_empty() || envelope.source.is_empty() {
        return Err("it is no CloudEvent: its `id` or its `source` is empty".to_owned());
    }
    Ok(envelope)
}

/// What the parser says of a value quotes it, and nobody knows whose it is.
fn fault(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let what = if error.is_data() {
        "no CloudEvent, which has text for `id`, `source` and `type`, and `data`"
    } else {
        "no JSON"
    };
    format!("it is {what} (line {line}, column {column})")
}

/// Adds its job, once.
async fn admit(app: &App, envelope: &Envelope, body: &[u8]) -> Result<(), Error> {
    let payload = String::from_utf8_lossy(body);
    let job = NewJob {
        id: named(&envelope.name()),
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
    let reason: String = reason.chars().take(LONGEST_REASON).collect();
    if let Err(error) = publish_aside(app, &message, &reason).await {
        tracing::warn!("a message could not be laid aside: {error:#}");
        return Err(error.into());
    }
    metrics::laid_aside();
    tracing::error!(reason, "a message was laid aside: {reason}");
    message.take().await
}

async fn publish_aside(app: &App, message: &Delivery, reason: &str) -> Result<(), Unsent> {
    let id = message.id();
    let aside = Message {
        id: &id,
        topic: ASIDE,
        body: message.body(),
        reason: Some(reason),
    };
    let published = app.broker.publish(&aside).await;
    if !matches!(published, Err(Unsent::Refused(_))) {
        return published;
    }
    // It was as long as a message may be, and with its reason it is longer.
    let length = aside.body.len().min(LONGEST_PAYLOAD);
    let reason = format!("{reason}; here are its first {length} bytes");
    let cut = Message {
        body: &aside.body[..length],
        reason: Some(&reason),
        ..aside
    };
    app.broker.publish(&cut).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_called_by_its_source_and_its_id() {
        let name = |source: &str, id: &str| {
            let message = json!({ "id": id, "source": source, "type": "t", "data": {} });
            let read = read(message.to_string().as_bytes());
            read.expect("a message").name()
        };
        assert_eq!(name("/a", "1"), name("/a", "1"));
        assert_ne!(name("/a", "1"), name("/a", "2"));
        assert_ne!(name("/a", "b1"), name("/ab", "1"));
        assert_ne!(name("/a b", "1"), name("/a", "b 1"));
    }

    #[test]
    fn what_is_no_message_says_why() {
        let long = " ".repeat(LONGEST_PAYLOAD + 1);
        for (message, why) in [
            (r#"{ "source": "/a", "type": "t", "data": {} }"#, "`id`"),
            (
                r#"{ "id": "", "source": "/a", "type": "t", "data": {} }"#,
                "empty",
            ),
            (
                r#"{ "id": "1", "source": "", "type": "t", "data": {} }"#,
                "empty",
            ),
            (r#""secret""#, "no CloudEvent"),
            ("secret", "no JSON (line 1, column 1)"),
            (&long, "longer"),
        ] {
            let said = read(message.as_bytes()).map(drop);
            let said = said.expect_err("a reason");
            assert!(said.contains(why), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
