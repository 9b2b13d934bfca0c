//! NATS, with JetStream. The only file that knows which broker it is.
//!
//! This service has four streams there, which are made where they are missing; one that is there is taken as it is, so
//! whoever runs the server may set how many copies it keeps, and for how long. News of jobs is for one worker each.
//! Events are for whoever wants them. What comes in is kept until it is acknowledged, and what nobody could take is laid
//! aside with its reason.

use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use async_nats::{
    ConnectOptions,
    connection::State,
    jetstream::{
        self, AckKind, Context, ContextBuilder,
        consumer::{AckPolicy, PullConsumer, pull},
        context::PublishErrorKind,
        message::PublishMessage,
        stream::{self, DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use futures_util::Stream as _;
use tokio::{sync::OnceCell, time::timeout};

use super::message::{Message, Queue};
use crate::config;

pub const DEVELOPMENT_URL: &str = "nats://127.0.0.1:4222";

/// The longest wait for an answer of the server.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the server keeps a request for a message; then it is asked again.
const PULL: Duration = Duration::from_secs(5);

/// What is neither taken nor left for so long is delivered again.
const HELD: Duration = Duration::from_secs(30);

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Why a message was laid aside.
const REASON: &str = "Reason";

/// Connects when it is first needed, and again whenever it was cut off. Clones share the connection.
#[derive(Clone)]
pub struct Broker {
    config: config::Broker,
    context: Arc<OnceCell<Context>>,
}

impl Broker {
    pub fn new(config: &config::Broker) -> Self {
        Self {
            config: config.clone(),
            context: Arc::default(),
        }
    }

    /// Ends well when the server has stored it, now or before: for ten minutes it knows the id.
    pub async fn publish(&self, message: &Message<'_>) -> anyhow::Result<()> {
        let context = self.context().await?;
        match self.send(context, message).await {
            // It is new, or has lost everything.
            Err(error) if error.kind() == PublishErrorKind::StreamNotFound => {
                self.make_streams(context).await?;
                Ok(self.send(context, message).await?)
            }
            sent => Ok(sent?),
        }
    }

    async fn send(
        &self,
        context: &Context,
        message: &Message<'_>,
    ) -> Result<(), jetstream::context::PublishError> {
        let Message {
            id,
            topic,
            body,
            reason,
        } = *message;
        let mut outgoing = PublishMessage::build()
            .payload(body.to_vec().into())
            .message_id(id);
        if let Some(reason) = reason {
            outgoing = outgoing.header(REASON, reason.replace(['\r', '\n'], " ").as_str());
        }
        let subject = format!("{}.{topic}", self.config.prefix);
        let stored = context.send_publish(subject, outgoing).await?;
        stored.await.map(drop)
    }

    pub async fn subscribe(&self, queue: Queue) -> anyhow::Result<Subscription> {
        let context = self.context().await?;
        let prefix = &self.config.prefix;
        let (stream, name, subject) = match queue {
            Queue::Jobs(kind) => {
                let name = kind.name();
                (JOBS, name, format!("{prefix}.{JOBS}.{name}"))
            }
            Queue::Inbox => (INBOX, "inbox", format!("{prefix}.{INBOX}.>")),
        };
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            filter_subject: subject,
            ack_policy: AckPolicy::Explicit,
            ack_wait: HELD,
            ..pull::Config::default()
        };
        let stream = format!("{prefix}-{stream}");
        let made = context.create_consumer_on_stream(config.clone(), &stream);
        if let Ok(consumer) = made.await {
            return Ok(Subscription(consumer));
        }
        // It is new, or has lost everything.
        self.make_streams(context).await?;
        let consumer = context.create_consumer_on_stream(config, &stream).await?;
        Ok(Subscription(consumer))
    }

    async fn context(&self) -> anyhow::Result<&Context> {
        let connected = self.context.get_or_try_init(|| self.connect()).await;
        let context = connected.context("NATS (APP__BROKER__URL) cannot be reached")?;
        // What is sent now would be kept by the client, and sent whenever it is there again.
        if context.client().connection_state() != State::Connected {
            bail!("NATS (APP__BROKER__URL) is cut off");
        }
        Ok(context)
    }

    async fn connect(&self) -> anyhow::Result<Context> {
        let client = ConnectOptions::new()
            .name(&self.config.prefix)
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .reconnect_delay_callback(|attempt| {
                Duration::from_millis(100) * u32::try_from(attempt.min(50)).unwrap_or(50)
            })
            .connect(self.config.url.expose())
            .await?;
        Ok(ContextBuilder::new()
            .timeout(PATIENCE)
            .ack_timeout(PATIENCE)
            .build(client))
    }

    async fn make_streams(&self, context: &Context) -> anyhow::Result<()> {
        let prefix = &self.config.prefix;
        for (name, shape) in streams() {
            let config = stream::Config {
                name: format!("{prefix}-{name}"),
                subjects: vec![format!("{prefix}.{name}.>")],
                ..shape
            };
            context.get_or_create_stream(config).await?;
        }
        Ok(())
    }
}

const JOBS: &str = "jobs";
const INBOX: &str = "inbox";

/// By their names without the prefix.
fn streams() -> [(&'static str, stream::Config); 4] {
    let kept = |age| stream::Config {
        max_age: age,
        duplicate_window: MINUTE * 10,
        ..stream::Config::default()
    };
    // In memory, and soon too old: who does not hear of a job finds it.
    let jobs = stream::Config {
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::Memory,
        max_age: MINUTE,
        max_messages: 100_000,
        discard: DiscardPolicy::Old,
        ..stream::Config::default()
    };
    let inbox = stream::Config {
        retention: RetentionPolicy::WorkQueue,
        ..kept(Duration::ZERO)
    };
    [
        (JOBS, jobs),
        ("events", kept(DAY * 7)),
        (INBOX, inbox),
        ("dead", kept(DAY * 30)),
    ]
}

pub struct Subscription(PullConsumer);

impl Subscription {
    /// The next message; none where there was none for a while. After an error it is over.
    pub async fn next(&mut self) -> anyhow::Result<Option<Delivery>> {
        let mut pulled = self
            .0
            .batch()
            .max_messages(1)
            .expires(PULL)
            .messages()
            .await?;
        // A server that was cut off does not end the wait.
        let next = poll_fn(|context| Pin::new(&mut pulled).poll_next(context));
        match timeout(PULL + PATIENCE, next).await {
            Ok(Some(message)) => Ok(Some(Delivery(message.map_err(|error| anyhow!(error))?))),
            Ok(None) => Ok(None),
            Err(_) => bail!("the server does not answer"),
        }
    }
}

/// A message that was received, and is not settled yet.
pub struct Delivery(jetstream::Message);

impl Delivery {
    pub fn body(&self) -> &[u8] {
        &self.0.payload
    }

    /// How often it was delivered, this time included.
    pub fn count(&self) -> i64 {
        self.0.info().map_or(1, |info| info.delivered)
    }

    /// It is not delivered again.
    pub async fn take(self) -> anyhow::Result<()> {
        self.settle(AckKind::Ack).await
    }

    /// It is delivered again, here or elsewhere, in `delay`.
    pub async fn leave(self, delay: Duration) -> anyhow::Result<()> {
        self.settle(AckKind::Nak(Some(delay))).await
    }

    /// It takes longer: nobody else gets it meanwhile.
    pub async fn keep(&self) -> anyhow::Result<()> {
        let kept = self.0.ack_with(AckKind::Progress).await;
        kept.map_err(|error| anyhow!(error))
    }

    async fn settle(self, kind: AckKind) -> anyhow::Result<()> {
        let settled = self.0.ack_with(kind).await;
        settled.map_err(|error| anyhow!(error))
    }
}
