//! RabbitMQ. The only file that knows which broker it is.
//!
//! What this service has there is made when it connects. News of jobs is in a queue for each kind, and for one worker each.
//! Events go to an exchange to which others bind queues of their own. What comes in is in a quorum queue until it is
//! acknowledged, and what nobody could take is laid aside in another, with its reason.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    ExchangeKind,
    message::Delivery as Received,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions,
        BasicQosOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::Kind;
use crate::config;

pub const DEVELOPMENT_URL: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";

/// The longest wait for an answer of the server.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a message is waited for before somebody looks whether the wait still makes sense.
const PULL: Duration = Duration::from_secs(5);

/// News of jobs is kept so long, in milliseconds: after that it says nothing new.
const NEWS_KEPT: i32 = 60_000;
/// And so much of it.
const NEWS: i32 = 10_000;

/// Written to the disk.
const PERSISTENT: u8 = 2;

/// Why a message was laid aside.
const REASON: &str = "reason";

/// How often a quorum queue has had a message back.
const RETURNS: &str = "x-delivery-count";

/// A message on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The same when it is sent again.
    pub id: &'a str,
    /// Such as `jobs.report`.
    pub topic: &'a str,
    pub body: &'a [u8],
    /// Of what is laid aside.
    pub reason: Option<&'a str>,
}

/// What is received.
#[derive(Clone, Copy, Debug)]
pub enum Queue {
    /// The news of jobs of a kind.
    Jobs(Kind),
    /// The messages of other services.
    Inbox,
}

/// Connects when it is first needed, and again whenever it was cut off. Clones share the connection.
#[derive(Clone)]
pub struct Broker {
    config: config::Broker,
    link: Arc<Mutex<Option<Arc<Link>>>>,
}

/// A connection, and the channel on which messages leave.
struct Link {
    connection: Connection,
    channel: Channel,
}

impl Broker {
    pub fn new(config: &config::Broker) -> Self {
        Self {
            config: config.clone(),
            link: Arc::default(),
        }
    }

    /// Ends well when the server has stored it, in all queues that it is for.
    pub async fn publish(&self, message: &Message<'_>) -> anyhow::Result<()> {
        let link = self.link().await?;
        let sent = timeout(PATIENCE, self.send(&link.channel, message)).await;
        let sent = sent.unwrap_or_else(|_| Err(anyhow::anyhow!("RabbitMQ does not answer")));
        if sent.is_err() {
            // What it had may be gone: it is made again by the next.
            self.forget(&link).await;
        }
        sent
    }

    async fn send(&self, channel: &Channel, message: &Message<'_>) -> anyhow::Result<()> {
        let prefix = &self.config.prefix;
        let (exchange, key, is_mandatory) = match message.topic.split_once('.') {
            Some(("events", name)) => (format!("{prefix}.events"), name.to_owned(), false),
            Some(("dead", _)) => (String::new(), format!("{prefix}.dead"), true),
            _ => (String::new(), format!("{prefix}.{}", message.topic), true),
        };
        let mut properties = BasicProperties::default()
            .with_message_id(message.id.into())
            .with_delivery_mode(PERSISTENT);
        if let Some(reason) = message.reason {
            let mut headers = FieldTable::default();
            headers.insert(REASON.into(), AMQPValue::LongString(reason.into()));
            properties = properties.with_headers(headers);
        }
        let options = BasicPublishOptions {
            mandatory: is_mandatory,
            ..BasicPublishOptions::default()
        };
        let confirmation = channel
            .basic_publish(
                exchange.into(),
                key.into(),
                options,
                message.body,
                properties,
            )
            .await?
            .await?;
        // One that comes back has no queue.
        ensure!(
            confirmation == Confirmation::Ack(None),
            "RabbitMQ did not store the message"
        );
        Ok(())
    }

    pub async fn subscribe(&self, queue: Queue) -> anyhow::Result<Subscription> {
        let link = self.link().await?;
        let name = match queue {
            Queue::Jobs(kind) => self.news_of(kind),
            Queue::Inbox => format!("{}.inbox", self.config.prefix),
        };
        let consume = async {
            let channel = link.connection.create_channel().await?;
            channel.basic_qos(1, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            let arguments = FieldTable::default();
            channel
                .basic_consume(name.into(), "".into(), options, arguments)
                .await
        };
        let consumer = timeout(PATIENCE, consume).await;
        match consumer.context("RabbitMQ does not answer")? {
            Ok(consumer) => Ok(Subscription {
                consumer,
                _link: link,
            }),
            Err(error) => {
                self.forget(&link).await;
                Err(error.into())
            }
        }
    }

    async fn link(&self) -> anyhow::Result<Arc<Link>> {
        let mut link = self.link.lock().await;
        if let Some(link) = &*link
            && link.connection.status().connected()
            && link.channel.status().connected()
        {
            return Ok(link.clone());
        }
        let made = timeout(PATIENCE, self.connect()).await;
        let made = made.context("RabbitMQ (APP__BROKER__URL) does not answer")?;
        let made = Arc::new(made.context("RabbitMQ (APP__BROKER__URL) cannot be reached")?);
        *link = Some(made.clone());
        Ok(made)
    }

    async fn forget(&self, broken: &Arc<Link>) {
        let mut link = self.link.lock().await;
        if link.as_ref().is_some_and(|link| Arc::ptr_eq(link, broken)) {
            *link = None;
        }
    }

    async fn connect(&self) -> anyhow::Result<Link> {
        let named = ConnectionProperties::default()
            .with_connection_name(self.config.prefix.as_str().into());
        let connection = Connection::connect(self.config.url.expose(), named).await?;
        let channel = connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        self.make_queues(&channel).await?;
        Ok(Link {
            connection,
            channel,
        })
    }

    async fn make_queues(&self, channel: &Channel) -> anyhow::Result<()> {
        let prefix = &self.config.prefix;
        let exchange = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let events = format!("{prefix}.events").into();
        let none = FieldTable::default();
        channel
            .exchange_declare(events, ExchangeKind::Topic, exchange, none)
            .await?;
        let mut queues: Vec<(String, FieldTable)> = Kind::ALL
            .iter()
            .map(|kind| (self.news_of(*kind), short_lived()))
            .collect();
        for name in ["inbox", "dead"] {
            queues.push((format!("{prefix}.{name}"), replicated()));
        }
        for (name, arguments) in queues {
            let options = QueueDeclareOptions {
                durable: true,
                ..QueueDeclareOptions::default()
            };
            channel
                .queue_declare(name.into(), options, arguments)
                .await?;
        }
        Ok(())
    }

    fn news_of(&self, kind: Kind) -> String {
        format!("{}.jobs.{}", self.config.prefix, kind.name())
    }
}

fn short_lived() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(NEWS_KEPT));
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(NEWS));
    arguments
}

/// A quorum queue, without a limit of its own to how often a message is delivered: what is done then is ours.
fn replicated() -> FieldTable {
    let mut arguments = FieldTable::default();
    let kind = AMQPValue::LongString("quorum".into());
    arguments.insert("x-queue-type".into(), kind);
    arguments
}

pub struct Subscription {
    consumer: Consumer,
    /// A connection ends with the last who has it.
    _link: Arc<Link>,
}

impl Subscription {
    /// The next message; none where there was none for a while. After an error it is over.
    pub async fn next(&mut self) -> anyhow::Result<Option<Delivery>> {
        match timeout(PULL, self.consumer.next()).await {
            Ok(Some(message)) => Ok(Some(Delivery(message?))),
            Ok(None) => bail!("the connection is cut off"),
            Err(_) => Ok(None),
        }
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

    /// It is not delivered again.
    pub async fn take(self) -> anyhow::Result<()> {
        self.0.ack(BasicAckOptions::default()).await?;
        Ok(())
    }

    /// It is delivered again, here or elsewhere, in `delay`.
    pub async fn leave(self, delay: Duration) -> anyhow::Result<()> {
        sleep(delay).await;
        let again = BasicNackOptions {
            requeue: true,
            ..BasicNackOptions::default()
        };
        self.0.nack(again).await?;
        Ok(())
    }

    /// It takes longer: nobody else gets it meanwhile, for as long as the connection holds.
    pub async fn keep(&self) -> anyhow::Result<()> {
        ensure!(self.0.acker.usable(), "the connection is cut off");
        Ok(())
    }
}
