//! What was claimed is told here, one after the other.

use std::time::Instant;

use uuid::Uuid;

use super::BUSY;
use crate::{
    data::{
        connection::Connection,
        error::Error,
        outbox::{self, Outgoing, Progress, Waiting},
    },
    jobs::{
        broker::Broker,
        message::{Message, Unsent},
    },
};

#[derive(Default)]
pub(super) struct Told {
    /// As many as the broker has now.
    pub(super) count: usize,
    progress: Progress,
    /// Their positions, and why.
    refused: Vec<(i64, String)>,
    /// What holds up news.
    news: Option<anyhow::Error>,
    /// What holds up events.
    pub(super) events: Option<anyhow::Error>,
}

/// None comes before another of its kind that the broker does not have. News does not wait for events, nor they for it.
pub(super) async fn tell(broker: &Broker, claimed: &[Waiting]) -> Told {
    let begun = Instant::now();
    let mut told = Told::default();
    for waiting in claimed {
        if begun.elapsed() > BUSY {
            break;
        }
        if told.holds_up(waiting).is_none() {
            let sent = broker.publish(&message(&waiting.message)).await;
            told.note(waiting, sent);
        }
    }
    told
}

fn message(outgoing: &Outgoing) -> Message<'_> {
    let Outgoing { id, topic, body } = outgoing;
    Message {
        id,
        topic,
        body: body.as_bytes(),
        reason: None,
    }
}

impl Told {
    /// Writes down how far it came.
    pub(super) async fn write(
        &self,
        connection: &mut Connection,
        holder: Uuid,
    ) -> Result<(), Error> {
        for (position, reason) in &self.refused {
            outbox::refuse(connection, holder, *position, reason).await?;
        }
        if self.progress == Progress::default() {
            return Ok(());
        }
        outbox::remove(connection, holder, self.progress).await
    }

    /// Whether one at least waits no more.
    pub(super) fn has_settled_events(&self) -> bool {
        self.progress.events > 0
    }

    /// Why it came no further, if that was the broker's doing.
    pub(super) fn failure(self) -> Option<anyhow::Error> {
        self.events.or(self.news)
    }

    fn holds_up(&mut self, waiting: &Waiting) -> &mut Option<anyhow::Error> {
        if waiting.is_event {
            &mut self.events
        } else {
            &mut self.news
        }
    }

    fn note(&mut self, waiting: &Waiting, sent: Result<(), Unsent>) {
        let topic = &waiting.message.topic;
        match sent {
            Ok(()) => self.count += 1,
            Err(Unsent::Refused(reason)) => {
                tracing::error!(topic, reason, "a message is never relayed: {reason}");
                self.refused.push((waiting.position, reason));
            }
            Err(Unsent::Failed(error)) => {
                *self.holds_up(waiting) = Some(error.context(topic.clone()));
                return;
            }
        }
        if waiting.is_event {
            self.progress.events = waiting.position;
        } else {
            self.progress.news = waiting.position;
        }
    }
}
