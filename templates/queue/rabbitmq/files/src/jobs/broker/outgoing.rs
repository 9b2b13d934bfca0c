//! Messages leave here, one at a time, each when the server has confirmed the one before.

use anyhow::{Context as _, bail, ensure};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::time::timeout;

use super::{PATIENCE, SILENT, line::Line, topology};
use crate::{config, jobs::message::Message};

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
    pub(super) async fn send(
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
        let Address {
            exchange,
            key,
            mode,
            options,
        } = Address::of(message.topic, prefix);
        let mut properties = BasicProperties::default()
            .with_message_id(message.id.into())
            .with_delivery_mode(mode);
        if let Some(reason) = message.reason {
            let mut headers = FieldTable::default();
            headers.insert(REASON.into(), AMQPValue::LongString(reason.into()));
            properties = properties.with_headers(headers);
        }
        let sent = channel.basic_publish(
            exchange.into(),
            key.into(),
            options,
            message.body,
            properties,
        );
        match sent.await?.await? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => bail!("RabbitMQ has no queue for the message"),
            _ => bail!("RabbitMQ could not store the message"),
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
