//! What this service has there: queues for news of jobs, one for each kind, an exchange for its events, to which others bind
//! queues of their own, a queue for what others send, and one for what nobody could take.
//!
//! It is made where it is missing. What is there is taken as it is, so whoever runs the server may have made it with other
//! settings.

use lapin::{
    Connection, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};

use crate::jobs::{Kind, relay::JOBS};

/// News of jobs is kept so long, in milliseconds: after that it says nothing new.
const NEWS_KEPT: i32 = 60_000;
/// And so much of it; then the oldest goes.
const NEWS: i32 = 100_000;

/// A message that came back more often is given up, as from 4.0 on without being asked: one whose properties the client
/// cannot read ends each connection that it comes by.
const RETURNS: i32 = 20;

pub(super) fn events(prefix: &str) -> String {
    format!("{prefix}.events")
}

pub(super) fn dead(prefix: &str) -> String {
    format!("{prefix}.dead")
}

/// The queue for the news of jobs of a kind: on one node, which may be down for a while, since the sweeper finds what it
/// would tell of. Gives its name.
pub(super) async fn make_news(
    connection: &Connection,
    prefix: &str,
    kind: Kind,
) -> lapin::Result<String> {
    let name = format!("{prefix}.{JOBS}{}", kind.name());
    let mut arguments = of_type("classic");
    arguments.insert("x-message-ttl".into(), NEWS_KEPT.into());
    arguments.insert("x-max-length".into(), NEWS.into());
    make(connection, &name, arguments).await?;
    Ok(name)
}

/// The queue for what others send, and the one where it is laid aside: also by the server itself, when it gives a message
/// up. Both last for as long as most of the nodes do. Gives the first one's name.
pub(super) async fn make_inbox(connection: &Connection, prefix: &str) -> lapin::Result<String> {
    let (name, dead) = (format!("{prefix}.inbox"), dead(prefix));
    let mut arguments = of_type("quorum");
    // Whoever looks at what lies there gives it back, which from 4.0 on it would not outlive twenty times.
    arguments.insert("x-delivery-limit".into(), i32::MAX.into());
    make(connection, &dead, arguments).await?;
    let mut arguments = of_type("quorum");
    arguments.insert("x-delivery-limit".into(), RETURNS.into());
    arguments.insert("x-dead-letter-exchange".into(), text(""));
    arguments.insert("x-dead-letter-routing-key".into(), text(&dead));
    make(connection, &name, arguments).await?;
    Ok(name)
}

pub(super) async fn make_events(connection: &Connection, prefix: &str) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let made = channel.exchange_declare(
        events(prefix).into(),
        ExchangeKind::Topic,
        durable,
        FieldTable::default(),
    );
    taken_as_it_is(made.await)
}

fn of_type(kind: &str) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text(kind));
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

async fn make(connection: &Connection, queue: &str, arguments: FieldTable) -> lapin::Result<()> {
    // Of its own: a refusal ends it.
    let channel = connection.create_channel().await?;
    let durable = QueueDeclareOptions::durable();
    let made = channel.queue_declare(queue.into(), durable, arguments);
    taken_as_it_is(made.await.map(drop))
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
