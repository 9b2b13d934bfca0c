//! Messages leave here, one at a time, each when the server has confirmed the one before.

use anyhow::anyhow;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ErrorKind,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::time::timeout;

use super::{PATIENCE, SILENT, line::Line, topology};
use crate::{
    config,
    jobs::message::{Message, Unsent},
};

/// Not written to the disk, and written there.
const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;

/// Why a message was laid aside.
const REASON: &str = "reason";

/// A connection, and the channel that messages leave by.
#[derive(Default)]
pub(super) struct Outgoing {
    line: Line,
    channel: Option<Channel>,
}

impl Outgoing {
    pub(super) async fn connect(&mut self, config: &config::Broker) -> anyhow::Result<()> {
        self.line.connect(config).await.map(drop)
    }

    pub(super) async fn send(
        &mut self,
        config: &config::Broker,
        message: &Message<'_>,
    ) -> Result<(), Unsent> {
        let sent = match self.attempt(config, message).await {
            // Cut off since the last one, or the server has lost what was ours there. Both are made anew, once.
            Err(Failure::Gone(_)) => self.attempt(config, message).await,
            sent => sent,
        };
        Ok(sent?)
    }

    async fn attempt(
        &mut self,
        config: &config::Broker,
        message: &Message<'_>,
    ) -> Result<(), Failure> {
        let connection = self.line.connect(config).await?;
        let is_blocked = || connection.status().blocked();
        if is_blocked() {
            let short = anyhow!("RabbitMQ is short of memory or disk, and takes nothing");
            return Err(short.into());
        }
        let sent = self.put(&connection, &config.prefix, message);
        let sent = timeout(PATIENCE, sent).await;
        let sent = sent.unwrap_or(Err(Failure::Silent));
        if matches!(sent, Err(Failure::Gone(_) | Failure::Silent)) && !is_blocked() {
            *self = Self::default();
        }
        sent
    }

    async fn put(
        &mut self,
        connection: &Connection,
        prefix: &str,
        message: &Message<'_>,
    ) -> Result<(), Failure> {
        let name = |text: &str| {
            ShortString::try_new(text).map_err(|error| Unsent::Refused(error.to_string()))
        };
        let Address {
            exchange,
            key,
            mode,
            options,
        } = Address::of(message.topic, prefix);
        let (exchange, key) = (name(&exchange)?, name(&key)?);
        let mut properties = BasicProperties::default()
            .with_message_id(name(message.id)?)
            .with_delivery_mode(mode);
        if let Some(reason) = message.reason {
            let mut headers = FieldTable::default();
            headers.insert(REASON.into(), AMQPValue::LongString(reason.into()));
            properties = properties.with_headers(headers);
        }
        let confirmation = async {
            let channel = self.open(connection, prefix).await?;
            let sent = channel.basic_publish(exchange, key, options, message.body, properties);
            sent.await?.await
        };
        match confirmation.await.map_err(failure)? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => {
                let no_queue = anyhow!("RabbitMQ has no queue for the message");
                Err(Failure::Gone(no_queue))
            }
            // The sweeper finds what it would tell of.
            _ if mode == TRANSIENT => Ok(()),
            _ => Err(anyhow!("a queue takes the message no longer, or cannot store it").into()),
        }
    }

    /// With what messages go to, also those of others: they may be sent before any worker is there.
    async fn open(&mut self, connection: &Connection, prefix: &str) -> lapin::Result<Channel> {
        if let Some(channel) = &self.channel
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        topology::make_events(connection, prefix).await?;
        topology::make_inbox(connection, prefix).await?;
        let channel = connection.create_channel().await?;
        let options = ConfirmSelectOptions::default();
        channel.confirm_select(options).await?;
        self.channel = Some(channel.clone());
        Ok(channel)
    }
}

/// Why an attempt failed.
enum Failure {
    /// Connection, channel or queue are no more: made anew, they may take the message.
    Gone(anyhow::Error),
    Silent,
    /// It would fail again. Those of its readers who have it would have it twice.
    Unsent(Unsent),
}

impl From<Unsent> for Failure {
    fn from(unsent: Unsent) -> Self {
        Self::Unsent(unsent)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Unsent(error.into())
    }
}

impl From<Failure> for Unsent {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Gone(error) => Self::Failed(error),
            Failure::Silent => Self::Failed(anyhow!(SILENT)),
            Failure::Unsent(unsent) => unsent,
        }
    }
}

/// One that is too long ends the channel.
fn failure(error: lapin::Error) -> Failure {
    if let ErrorKind::ProtocolError(refusal) = error.kind()
        && let AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) = refusal.kind()
    {
        return Unsent::Refused(error.to_string()).into();
    }
    Failure::Gone(error.into())
}

/// Where a message goes, and how.
struct Address {
    exchange: String,
    key: String,
    mode: u8,
    options: BasicPublishOptions,
}

impl Address {
    fn of(topic: &str, prefix: &str) -> Self {
        match topic.split_once('.') {
            Some(("events", name)) => Self {
                exchange: topology::events(prefix),
                key: name.to_owned(),
                mode: PERSISTENT,
                options: BasicPublishOptions::default(),
            },
            // What finds no queue comes back: else it would be confirmed, and lost.
            Some(("dead", _)) => Self {
                exchange: String::new(),
                key: topology::dead(prefix),
                mode: PERSISTENT,
                options: BasicPublishOptions {
                    mandatory: true,
                    ..BasicPublishOptions::default()
                },
            },
            // News: without a queue there is no worker who waits for it.
            _ => Self {
                exchange: String::new(),
                key: format!("{prefix}.{topic}"),
                mode: TRANSIENT,
                options: BasicPublishOptions::default(),
            },
        }
    }
}
