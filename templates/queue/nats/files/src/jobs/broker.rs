//! NATS, with JetStream. The only file that knows which broker it is.
//!
//! This service has four streams there, which are made where they are missing; one that is there is taken as it is, so
//! whoever runs the server may set how many copies it keeps, and for how long. News of jobs is for one worker each.
//! Events are for whoever wants them. What comes in is kept until it is acknowledged, and what nobody could take is laid
//! aside with its reason.

use std::{error::Error as _, future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use async_nats::{
    ConnectOptions, ServerAddr,
    connection::State,
    jetstream::{
        self, AckKind, Context, ContextBuilder,
        consumer::{AckPolicy, PullConsumer, pull},
        context::{PublishError, PublishErrorKind},
        message::PublishMessage,
        stream::{self, DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use futures_util::Stream as _;
use tokio::{sync::OnceCell, time::timeout};

use super::message::{Message, Queue, Unsent};
use crate::config;

pub const DEVELOPMENT_URL: &str = "nats://127.0.0.1:4222";

/// The longest wait for an answer of the server.
const PATIENCE: Duration = Duration::from_secs(5);

/// For one address. A cluster's name has several, and some of them may lead nowhere.
const CONNECT: Duration = Duration::from_millis(1600);

/// The server is asked so often whether it is there. The third time without an answer the connection is given up: whoever
/// stands between may have forgotten it, and told nobody.
const PING: Duration = Duration::from_secs(3);

/// How long the server keeps a request for a message; then it is asked again.
const PULL: Duration = Duration::from_secs(5);

/// What is neither taken nor left for so long is delivered again.
const HELD: Duration = Duration::from_secs(30);

/// What the client cannot read ends its connection, so that nobody can lay it aside. After so many deliveries of a message
/// the server keeps it, and sends it no more.
const DELIVERIES: i64 = 20;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Why a message was laid aside.
const REASON: &str = "Reason";

/// Whether it can be that of a server. One without a scheme would be taken for the name of a host.
pub fn is_url(url: &str) -> bool {
    url.contains("://")
        && url
            .parse::<ServerAddr>()
            .is_ok_and(|server| !server.host().is_empty())
}

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

    /// Whether it answers, just now.
    pub async fn check(&self) -> anyhow::Result<()> {
        self.context().await.map(drop)
    }

    /// Ends well when the server has stored it, now or before: for ten minutes it knows the id.
    pub async fn publish(&self, message: &Message<'_>) -> Result<(), Unsent> {
        let context = self.context().await?;
        let Err(error) = self.send(context, message).await else {
            return Ok(());
        };
        // It is new, or has lost everything. Where somebody else listens to the subject, it does not say so.
        let may_lack_streams = matches!(
            error.kind(),
            PublishErrorKind::StreamNotFound | PublishErrorKind::TimedOut
        );
        if !may_lack_streams {
            return Err(unsent(error));
        }
        self.make_streams(context).await?;
        self.send(context, message).await.map_err(unsent)
    }

    async fn send(&self, context: &Context, message: &Message<'_>) -> Result<(), PublishError> {
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

    /// To all that the inbox has, by whatever subject it came there: whoever runs the server may have it follow other streams.
    pub async fn subscribe(&self, queue: Queue) -> anyhow::Result<Subscription> {
        let context = self.context().await?;
        let prefix = &self.config.prefix;
        let (stream, name, config) = match queue {
            Queue::Jobs(kind) => {
                let name = kind.name();
                let config = pull::Config {
                    filter_subject: format!("{prefix}.{JOBS}.{name}"),
                    ..pull::Config::default()
                };
                (JOBS, name, config)
            }
            Queue::Inbox => {
                let config = pull::Config {
                    max_deliver: DELIVERIES,
                    ..pull::Config::default()
                };
                (INBOX, "inbox", config)
            }
        };
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: HELD,
            ..config
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

    /// One at a time connects. Who waits for that waits no longer than for anything else: a relay has the turn meanwhile.
    async fn context(&self) -> anyhow::Result<&Context> {
        const UNREACHED: &str = "NATS (APP__BROKER__URL) cannot be reached";
        let connected = self.context.get_or_try_init(|| self.connect());
        let connected = timeout(PATIENCE, connected).await.context(UNREACHED)?;
        let context = connected.context(UNREACHED)?;
        // What is sent now would be kept by the client, and sent whenever it is there again.
        if context.client().connection_state() != State::Connected {
            bail!("NATS (APP__BROKER__URL) is cut off");
        }
        Ok(context)
    }

    async fn connect(&self) -> anyhow::Result<Context> {
        let client = ConnectOptions::new()
            .name(&self.config.prefix)
            .connection_timeout(CONNECT)
            .request_timeout(Some(PATIENCE))
            .ping_interval(PING)
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

/// What cannot be sent, by its size or its subject, the client says before it sends it.
fn unsent(error: PublishError) -> Unsent {
    let is_no_subject = error
        .source()
        .is_some_and(|source| source.is::<async_nats::SubjectError>());
    if error.kind() == PublishErrorKind::MaxPayloadExceeded || is_no_subject {
        return Unsent::Refused(error.to_string());
    }
    Unsent::Failed(error.into())
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

    /// Of this message, and of no other that says the same; the same whenever it is delivered.
    pub fn id(&self) -> String {
        let number = |info: jetstream::message::Info<'_>| {
            let published = info.published.unix_timestamp_nanos();
            format!("{}.{}.{published}", info.stream, info.stream_sequence)
        };
        self.0.info().map_or_else(|_| String::new(), number)
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
        // Known to the server when this ends, as the process may.
        let settled = self.0.double_ack_with(kind).await;
        settled.map_err(|error| anyhow!(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_how_and_where() {
        for url in [
            DEVELOPMENT_URL,
            "tls://user:secret@nats.example.com",
            "wss://[::1]:443",
        ] {
            assert!(is_url(url), "{url}");
        }
        for url in [
            "nast:/x",
            "127.0.0.1:4222",
            "http://127.0.0.1",
            "nats://",
            "nats:// x",
            "",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }
}
