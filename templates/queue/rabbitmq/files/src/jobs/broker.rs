//! RabbitMQ. The only file that knows which broker it is.
//!
//! What this service has there is made where it is missing; what is there is taken as it is, so whoever runs the server may
//! have made it with other settings. News of jobs is in a queue for each kind, and for one worker each. Events go to an
//! exchange to which others bind queues of their own. What comes in is in a quorum queue until it is acknowledged, and
//! what nobody could take is laid aside in another, with its reason.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail, ensure};
use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ErrorKind, ExchangeKind,
    message::Delivery as Received,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions,
        BasicQosOptions, BasicRejectOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueDeclareOptions,
    },
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
    uri::AMQPUri,
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

use super::{Kind, relay::JOBS};
use crate::config;

pub const DEVELOPMENT_URL: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";

/// The longest wait for an answer of the server.
const PATIENCE: Duration = Duration::from_secs(5);
const SILENT: &str = "RabbitMQ does not answer";

/// Each side says so often that it is there, in seconds; one that was not heard for twice as long is gone.
const HEARTBEAT: u16 = 10;

/// After a connection could not be made, the next attempt waits: twice as long each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a message is waited for before somebody looks whether the wait still makes sense.
const PULL: Duration = Duration::from_secs(5);

/// As many are received at once as can be held: the next one is somebody else's.
const PLACES: u16 = 1;

/// News of jobs is kept so long, in milliseconds: after that it says nothing new.
const NEWS_KEPT: i32 = 60_000;
/// And so much of it; then the oldest goes.
const NEWS: i32 = 100_000;

/// A message may be held so long, in milliseconds: the database may be away for a while.
const HELD: i32 = 24 * 3600 * 1000;

/// Not written to the disk, and written there.
const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;

/// Why a message was laid aside.
const REASON: &str = "reason";

/// How often a quorum queue has had a message back, of one that was lost with its reader or was rejected.
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

/// Connects when it is first needed, and again whenever it was cut off. Clones share the connections.
#[derive(Clone)]
pub struct Broker {
    config: config::Broker,
    /// A server that is short of memory or disk reads nothing from whoever publishes. What is received, and settled, has
    /// a connection of its own.
    outgoing: Arc<Mutex<Outgoing>>,
    incoming: Arc<Mutex<Line>>,
}

impl Broker {
    pub fn new(config: &config::Broker) -> Self {
        Self {
            config: config.clone(),
            outgoing: Arc::default(),
            incoming: Arc::default(),
        }
    }

    /// Ends well when the server has stored it: an event in all queues that are bound to it, be it none.
    pub async fn publish(&self, message: &Message<'_>) -> anyhow::Result<()> {
        let mut outgoing = self.outgoing.lock().await;
        let Err(error) = outgoing.send(&self.config, message).await else {
            return Ok(());
        };
        // Cut off since the last one, or the server has lost what was ours there. Both are made anew, once.
        let again = outgoing.send(&self.config, message).await;
        again.map_err(|_| error)
    }

    pub async fn subscribe(&self, queue: Queue) -> anyhow::Result<Subscription> {
        let connection = self.incoming.lock().await.connect(&self.config).await?;
        let prefix = &self.config.prefix;
        let (name, arguments) = match queue {
            Queue::Jobs(kind) => (format!("{prefix}.{JOBS}{}", kind.name()), short_lived()),
            Queue::Inbox => (inbox(prefix), kept(prefix)),
        };
        let opened = open(&connection, &name, arguments);
        let channel = timeout(PATIENCE, opened).await.context(SILENT)??;
        Ok(Subscription {
            channel,
            name,
            is_news: matches!(queue, Queue::Jobs(_)),
            consumer: None,
        })
    }
}

/// A connection, made when it is needed and there is none.
#[derive(Default)]
struct Line {
    connection: Option<Arc<Connection>>,
    /// In a row.
    failures: u32,
    rests_until: Option<Instant>,
}

impl Line {
    async fn connect(&mut self, config: &config::Broker) -> anyhow::Result<Arc<Connection>> {
        if let Some(connection) = &self.connection
            && connection.status().connected()
        {
            return Ok(connection.clone());
        }
        let rests = self.rests_until.is_some_and(|end| Instant::now() < end);
        ensure!(!rests, "RabbitMQ (APP__BROKER__URL) is cut off");
        let made = timeout(PATIENCE, connect(config)).await.context(SILENT);
        match made.flatten() {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *self = Self {
                    connection: Some(connection.clone()),
                    ..Self::default()
                };
                Ok(connection)
            }
            Err(error) => {
                let pause = FIRST_PAUSE * 2_u32.pow(self.failures.min(10));
                self.failures += 1;
                self.rests_until = Some(Instant::now() + pause.min(LONGEST_PAUSE));
                Err(error.context("RabbitMQ (APP__BROKER__URL) cannot be reached"))
            }
        }
    }
}

async fn connect(config: &config::Broker) -> anyhow::Result<Connection> {
    // What is wrong with it would be told with the password.
    let uri = config.url.expose().parse::<AMQPUri>();
    let mut uri = uri.map_err(|_| anyhow!("it is no URL of RabbitMQ"))?;
    uri.query.heartbeat = uri.query.heartbeat.or(Some(HEARTBEAT));
    let named = ConnectionProperties::default();
    let named = named.with_connection_name(config.prefix.as_str().into());
    Ok(Connection::connect_uri(uri, named).await?)
}

/// A connection, and the channel on which messages leave, one at a time.
#[derive(Default)]
struct Outgoing {
    line: Line,
    channel: Option<Channel>,
}

impl Outgoing {
    async fn send(
        &mut self,
        config: &config::Broker,
        message: &Message<'_>,
    ) -> anyhow::Result<()> {
        let connection = self.line.connect(config).await?;
        let is_blocked = || connection.status().blocked();
        ensure!(
            !is_blocked(),
            "RabbitMQ is short of memory or disk, and takes nothing"
        );
        let sent = self.put(&connection, &config.prefix, message);
        let sent = timeout(PATIENCE, sent).await.context(SILENT).flatten();
        if sent.is_err() && !is_blocked() {
            *self = Self::default();
        }
        sent
    }

    async fn put(
        &mut self,
        connection: &Connection,
        prefix: &str,
        message: &Message<'_>,
    ) -> anyhow::Result<()> {
        let channel = self.open(connection, prefix).await?;
        let mut properties = BasicProperties::default()
            .with_message_id(message.id.into())
            .with_delivery_mode(PERSISTENT);
        let (exchange, key) = match message.topic.split_once('.') {
            Some(("events", name)) => (events(prefix), name.to_owned()),
            Some(("dead", _)) => {
                // What finds no queue is stored nowhere, and is confirmed all the same.
                make(connection, &dead(prefix), replicated()).await?;
                (String::new(), dead(prefix))
            }
            // Without a queue there is no worker who waits for it.
            _ => {
                properties = properties.with_delivery_mode(TRANSIENT);
                (String::new(), format!("{prefix}.{}", message.topic))
            }
        };
        if let Some(reason) = message.reason {
            let mut headers = FieldTable::default();
            headers.insert(REASON.into(), AMQPValue::LongString(reason.into()));
            properties = properties.with_headers(headers);
        }
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish(
            exchange.into(),
            key.into(),
            options,
            message.body,
            properties,
        );
        let confirmation = sent.await?.await?;
        ensure!(
            confirmation.is_ack(),
            "RabbitMQ could not store the message"
        );
        Ok(())
    }

    /// With what messages go to, also those of others: they may be sent before any worker is there.
    async fn open(&mut self, connection: &Connection, prefix: &str) -> anyhow::Result<Channel> {
        if let Some(channel) = &self.channel
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        make_exchange(connection, &events(prefix)).await?;
        make(connection, &dead(prefix), replicated()).await?;
        make(connection, &inbox(prefix), kept(prefix)).await?;
        let channel = connection.create_channel().await?;
        let options = ConfirmSelectOptions::default();
        channel.confirm_select(options).await?;
        self.channel = Some(channel.clone());
        Ok(channel)
    }
}

fn events(prefix: &str) -> String {
    format!("{prefix}.events")
}

fn inbox(prefix: &str) -> String {
    format!("{prefix}.inbox")
}

fn dead(prefix: &str) -> String {
    format!("{prefix}.dead")
}

/// On one node, which may be down for a while: the sweeper finds what it would tell of.
fn short_lived() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-message-ttl".into(), NEWS_KEPT.into());
    arguments.insert("x-max-length".into(), NEWS.into());
    arguments
}

/// Lasts for as long as most of the nodes do.
fn replicated() -> FieldTable {
    let mut arguments = FieldTable::default();
    let kind = AMQPValue::LongString("quorum".into());
    arguments.insert("x-queue-type".into(), kind);
    arguments
}

/// The same, and what the server itself gives up, by whatever limit it was set, is laid aside too.
fn kept(prefix: &str) -> FieldTable {
    let mut arguments = replicated();
    let default_exchange = AMQPValue::LongString("".into());
    arguments.insert("x-dead-letter-exchange".into(), default_exchange);
    let aside = AMQPValue::LongString(dead(prefix).into());
    arguments.insert("x-dead-letter-routing-key".into(), aside);
    arguments
}

/// Makes a queue, and a channel on which it is received.
async fn open(
    connection: &Connection,
    queue: &str,
    arguments: FieldTable,
) -> lapin::Result<Channel> {
    make(connection, queue, arguments).await?;
    let channel = connection.create_channel().await?;
    let options = BasicQosOptions::default();
    channel.basic_qos(PLACES, options).await?;
    Ok(channel)
}

async fn make(connection: &Connection, queue: &str, arguments: FieldTable) -> lapin::Result<()> {
    // Of its own: a refusal ends it.
    let channel = connection.create_channel().await?;
    let durable = QueueDeclareOptions::durable();
    let made = channel.queue_declare(queue.into(), durable, arguments);
    taken_as_it_is(made.await.map(drop))
}

async fn make_exchange(connection: &Connection, name: &str) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let none = FieldTable::default();
    let made = channel.exchange_declare(name.into(), ExchangeKind::Topic, durable, none);
    taken_as_it_is(made.await)
}

/// It is there with other settings, or only others may make it.
fn taken_as_it_is(made: lapin::Result<()>) -> lapin::Result<()> {
    use AMQPSoftError::{ACCESSREFUSED, PRECONDITIONFAILED};
    if let Err(error) = &made
        && let ErrorKind::ProtocolError(refusal) = error.kind()
        && let AMQPErrorKind::Soft(ACCESSREFUSED | PRECONDITIONFAILED) = refusal.kind()
    {
        return Ok(());
    }
    made
}

pub struct Subscription {
    /// Keeps its connection, for as long as that holds.
    channel: Channel,
    name: String,
    is_news: bool,
    consumer: Option<Consumer>,
}

impl Subscription {
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
