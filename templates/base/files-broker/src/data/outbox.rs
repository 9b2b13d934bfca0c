//! What others are to be told, as rows: written in the transaction of what it tells of, so that both are there or
//! neither, and removed when the broker has it. News of jobs, which triggers write, and events wait in one table, and not
//! for each other.

use std::time::Duration;

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::data::{connection::Connection, database::Row, dialect::now_ms, error::Error, millis};

/// Of an event's body, in bytes: what any broker takes.
pub const LONGEST_BODY: usize = 64 * 1024;

const LONGEST_TOPIC: usize = 200;

/// A message to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The same whenever it is sent.
    pub id: String,
    /// Such as `jobs.report`.
    pub topic: String,
    pub body: String,
}

impl Outgoing {
    /// Why no broker would take it, if none would.
    fn fault(&self) -> Option<&'static str> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let is_word = |word: &str| !word.is_empty() && word.chars().all(is_plain);
        if self.topic.len() > LONGEST_TOPIC || !self.topic.split('.').all(is_word) {
            return Some("a topic is words of letters, digits, - and _ with dots between them");
        }
        (self.body.len() > LONGEST_BODY).then_some("its body is longer than 64 KiB")
    }
}

/// A message that waits for the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Grows: what is told of one thing is told in this order.
    pub position: i64,
    /// Or news of a job.
    pub is_event: bool,
    pub message: Outgoing,
}

impl FromRow<'_, Row> for Waiting {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            position: row.try_get("position")?,
            is_event: row.try_get("is_event")?,
            message: Outgoing {
                id: row.try_get("id")?,
                topic: row.try_get("topic")?,
                body: row.try_get("body")?,
            },
        })
    }
}

/// How far somebody has come with what it has claimed: each up to a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub news: i64,
    pub events: i64,
}

/// Whether there is something to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    pub news: bool,
    pub events: bool,
}

/// What there is of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub waiting: i64,
    /// How long the first one has waited, in milliseconds.
    pub oldest: i64,
    pub refused: i64,
}

/// Adds an event in the caller's transaction. One that no broker takes is refused here, where somebody learns of it.
pub async fn add(connection: &mut Connection, message: &Outgoing) -> Result<(), Error> {
    if let Some(fault) = message.fault() {
        return Err(Error::Other(sqlx::Error::Encode(fault.into())));
    }
    let statement = sqlx::query(concat!(
        "INSERT INTO outbox (id, topic, body, is_event, created_at) VALUES ($1, $2, $3, TRUE, ",
        now_ms!(),
        ")"
    ))
    .bind(&message.id)
    .bind(&message.topic)
    .bind(&message.body);
    connection.execute(statement).await.map(drop)
}

/// Adds news, unless some of its topic waits already.
pub async fn add_if_none(connection: &mut Connection, id: &str, topic: &str) -> Result<(), Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO outbox (id, topic, body, created_at) SELECT $1, $2, '', ",
        now_ms!(),
        " WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE topic = $2)"
    ))
    .bind(id)
    .bind(topic);
    connection.execute(statement).await.map(drop)
}

/// A read, so that a relay with nothing to do never takes the write lock.
pub async fn waits(connection: &mut Connection) -> Result<Waits, Error> {
    let statement = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE NOT is_event AND refused IS NULL),
             EXISTS (SELECT 1 FROM outbox WHERE is_event AND refused IS NULL)",
    );
    let (news, events) = connection.one(statement).await?;
    Ok(Waits { news, events })
}

pub async fn depth(connection: &mut Connection) -> Result<Depth, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT COUNT(*) - COUNT(refused), COALESCE(",
        now_ms!(),
        " - MIN(CASE WHEN refused IS NULL THEN created_at END), 0), COUNT(refused) FROM outbox"
    ));
    let (waiting, oldest, refused) = connection.one(statement).await?;
    Ok(Depth {
        waiting,
        oldest,
        refused,
    })
}

/// Removes news that is older than this.
pub async fn drop_old_news(connection: &mut Connection, age: Duration) -> Result<(), Error> {
    let statement = sqlx::query(concat!(
        "DELETE FROM outbox WHERE NOT is_event AND created_at < ",
        now_ms!(),
        " - $1"
    ))
    .bind(millis(age));
    connection.execute(statement).await.map(drop)
}

/// Takes the first ones, so many of news and so many events, in their order, for whoever has the turn. They stay until
/// they are removed.
pub async fn claim(
    connection: &mut Connection,
    holder: Uuid,
    news: u32,
    events: u32,
) -> Result<Vec<Waiting>, Error> {
    let statement = sqlx::query_as(
        "UPDATE outbox SET holder = $1 WHERE position IN (
             SELECT position FROM (SELECT position FROM outbox
                 WHERE NOT is_event AND refused IS NULL ORDER BY position LIMIT $2) AS news
             UNION ALL
             SELECT position FROM (SELECT position FROM outbox
                 WHERE is_event AND refused IS NULL ORDER BY position LIMIT $3) AS events
         ) RETURNING position, is_event, id, topic, body",
    )
    .bind(holder)
    .bind(i64::from(news))
    .bind(i64::from(events));
    let mut claimed: Vec<Waiting> = connection.all(statement).await?;
    claimed.sort_by_key(|message| message.position);
    Ok(claimed)
}

/// Lays one aside that `holder` has claimed, and the broker will never take. It stays here, for whoever mends it.
pub async fn refuse(
    connection: &mut Connection,
    holder: Uuid,
    position: i64,
    reason: &str,
) -> Result<(), Error> {
    let statement = sqlx::query(
        "UPDATE outbox SET refused = $3, holder = NULL WHERE holder = $1 AND position = $2",
    )
    .bind(holder)
    .bind(position)
    .bind(reason);
    connection.execute(statement).await.map(drop)
}

/// Removes what `holder` has claimed, as far as it has come: only that, for one of before may be committed only now.
pub async fn remove(
    connection: &mut Connection,
    holder: Uuid,
    progress: Progress,
) -> Result<(), Error> {
    let statement = sqlx::query(
        "DELETE FROM outbox WHERE holder = $1
         AND ((NOT is_event AND position <= $2) OR (is_event AND position <= $3))",
    )
    .bind(holder)
    .bind(progress.news)
    .bind(progress.events);
    connection.execute(statement).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_broker_takes_is_told_from_what_any_takes() {
        let message = |topic: &str, length| Outgoing {
            id: "1".to_owned(),
            topic: topic.to_owned(),
            body: "x".repeat(length),
        };
        assert_eq!(message("events.a-b.c_1", LONGEST_BODY).fault(), None);
        assert!(message("events.a", LONGEST_BODY + 1).fault().is_some());
        for topic in ["", "events.", "a..b", "events.a b", "events.*", "events.ä"] {
            assert!(message(topic, 1).fault().is_some(), "{topic}");
        }
        let long = "x".repeat(LONGEST_TOPIC + 1);
        assert!(message(&long, 1).fault().is_some());
    }
}
