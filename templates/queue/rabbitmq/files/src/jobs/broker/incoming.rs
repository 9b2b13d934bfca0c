//! Messages come in here: news for whoever waits for it, and what others send.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use lapin::{
    Channel, Connection, Consumer,
    message::Delivery as Received,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions,
        BasicRejectOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::time::{sleep, timeout};

use super::{PATIENCE, SILENT, topology};
use crate::jobs::{message::Queue, named};

/// How long a message is waited for before somebody looks whether the wait still makes sense.
const PULL: Duration = Duration::from_secs(5);

/// As many are received at once as can be held: the next one is somebody else's.
const PLACES: u16 = 1;

/// A message may be held so long, in milliseconds: the database may be away for a while.
const HELD: i32 = 24 * 3600 * 1000;

/// How often a quorum queue has had a message back, of one that was lost with its reader or was rejected.
const RETURNS: &str = "x-delivery-count";

pub struct Subscription {
    /// Keeps its connection, for as long as that holds.
    channel: Channel,
    /// The queue's.
    name: String,
    is_news: bool,
    consumer: Option<Consumer>,
}

impl Subscription {
    /// On a queue that is made where it is missing.
    pub(super) async fn open(
        connection: &Connection,
        prefix: &str,
        queue: Queue,
    ) -> anyhow::Result<Self> {
        let opened = async {
            let name = match queue {
                Queue::Jobs(kind) => topology::make_news(connection, prefix, kind).await?,
                Queue::Inbox => topology::make_inbox(connection, prefix).await?,
            };
            let channel = connection.create_channel().await?;
            let options = BasicQosOptions::default();
            channel.basic_qos(PLACES, options).await?;
            lapin::Result::Ok((name, channel))
        };
        let (name, channel) = timeout(PATIENCE, opened).await.context(SILENT)??;
        Ok(Self {
            channel,
            name,
            is_news: matches!(queue, Queue::Jobs(_)),
            consumer: None,
        })
    }

    /// The next message; none where there was none for a while. After an error it is over.
    pub async fn next(&mut self) -> anyhow::Result<Option<Delivery>> {
        let mut consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            None => self.begin().await?,
        };
        let mut received = match timeout(PULL, consumer.next()).await {
            Ok(Some(message)) => Some(message?),
            Ok(None) => bail!("RabbitMQ has ended the subscription"),
            Err(_) => None,
        };
        if self.is_news {
            // Who has heard it is busy, and must not be told what others could do.
            let late = self.end(consumer).await?;
            received = received.or(late);
        } else {
            self.consumer = Some(consumer);
        }
        Ok(received.map(Delivery))
    }

    async fn begin(&self) -> anyhow::Result<Consumer> {
        let name = self.name.as_str().into();
        let mut arguments = FieldTable::default();
        if !self.is_news {
            arguments.insert("x-consumer-timeout".into(), HELD.into());
        }
        let options = BasicConsumeOptions::default();
        let begun = self
            .channel
            .basic_consume(name, "".into(), options, arguments);
        Ok(timeout(PATIENCE, begun).await.context(SILENT)??)
    }

    /// With the message, if any, that came before the server knew.
    async fn end(&self, mut consumer: Consumer) -> anyhow::Result<Option<Received>> {
        let options = BasicCancelOptions::default();
        let ended = self.channel.basic_cancel(consumer.tag(), options);
        timeout(PATIENCE, ended).await.context(SILENT)??;
        let late = timeout(PATIENCE, consumer.next()).await.context(SILENT)?;
        Ok(late.transpose()?)
    }
}

/// A message that was received, and is not settled yet.
pub struct Delivery(Received);

impl Delivery {
    pub fn body(&self) -> &[u8] {
        &self.0.data
    }

    /// How often it was delivered, this time included.
    pub fn count(&self) -> i64 {
        let headers = self.0.properties.headers().as_ref();
        let returns = headers.and_then(|headers| headers.inner().get(RETURNS));
        1 + returns.and_then(AMQPValue::as_long_long_int).unwrap_or(0)
    }

    /// What its sender calls it, else a name by what it says; the same whenever it is delivered.
    pub fn id(&self) -> String {
        let by_body = || named(&String::from_utf8_lossy(&self.0.data)).to_string();
        let senders = self.0.properties.message_id().as_ref();
        senders.map_or_else(by_body, ToString::to_string)
    }

    /// It is not delivered again.
    pub async fn take(self) -> anyhow::Result<()> {
        settled(self.0.ack(BasicAckOptions::default())).await
    }

    /// It is delivered again, here or elsewhere, in `delay`.
    pub async fn leave(self, delay: Duration) -> anyhow::Result<()> {
        sleep(delay).await;
        // Counted in every version. What is given back by `basic.nack` is not, from 4.3 on.
        let again = BasicRejectOptions { requeue: true };
        settled(self.0.reject(again)).await
    }

    /// It takes longer: nobody else gets it meanwhile, for as long as the connection holds.
    pub async fn keep(&self) -> anyhow::Result<()> {
        ensure!(self.0.usable(), "the connection is cut off");
        Ok(())
    }
}

async fn settled(answer: impl Future<Output = lapin::Result<bool>>) -> anyhow::Result<()> {
    let is_sent = timeout(PATIENCE, answer).await.context(SILENT)??;
    // The server gives it to somebody else.
    ensure!(is_sent, "the connection was cut off before the answer");
    Ok(())
}
