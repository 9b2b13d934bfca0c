//! What others are to be told, as rows: written in the transaction of what it tells of, so that both are there or
//! neither, and removed when the broker has it.

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::data::{connection::Connection, database::Row, dialect::now_ms, error::Error};

/// A message to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The same whenever it is sent.
    pub id: String,
    /// Such as `jobs.report`.
    pub topic: String,
    pub body: String,
}

/// A message that waits for the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Grows: what is told of one thing is told in this order.
    pub position: i64,
    pub message: Outgoing,
    /// How long it has waited, in milliseconds.
    pub age: i64,
}

impl FromRow<'_, Row> for Waiting {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            position: row.try_get("position")?,
            message: Outgoing {
                id: row.try_get("id")?,
                topic: row.try_get("topic")?,
                body: row.try_get("body")?,
            },
            age: row.try_get("age")?,
        })
    }
}

/// Adds a message in the caller's transaction.
pub async fn add(connection: &mut Connection, message: &Outgoing) -> Result<(), Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO outbox (id, topic, body, created_at) VALUES ($1, $2, $3, ",
        now_ms!(),
        ")"
    ))
    .bind(&message.id)
    .bind(&message.topic)
    .bind(&message.body);
    connection.execute(statement).await.map(drop)
}

/// Adds one without a body, unless one of its topic waits already.
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
pub async fn is_empty(connection: &mut Connection) -> Result<bool, Error> {
    let first = sqlx::query_as("SELECT position FROM outbox LIMIT 1");
    let first: Option<(i64,)> = connection.optional(first).await?;
    Ok(first.is_none())
}

/// Takes the first ones, in their order, for whoever has the turn. They stay until they are removed.
pub async fn claim(
    connection: &mut Connection,
    holder: Uuid,
    limit: u32,
) -> Result<Vec<Waiting>, Error> {
    let statement = sqlx::query_as(concat!(
        "UPDATE outbox SET holder = $1
         WHERE position IN (SELECT position FROM outbox ORDER BY position LIMIT $2)
         RETURNING position, id, topic, body, ",
        now_ms!(),
        " - created_at AS age"
    ))
    .bind(holder)
    .bind(i64::from(limit));
    let mut claimed: Vec<Waiting> = connection.all(statement).await?;
    claimed.sort_by_key(|message| message.position);
    Ok(claimed)
}

/// Removes what `holder` has claimed, up to this position: only that, for one of before may be committed only now.
pub async fn remove(connection: &mut Connection, holder: Uuid, last: i64) -> Result<(), Error> {
    let statement = sqlx::query("DELETE FROM outbox WHERE holder = $1 AND position <= $2")
        .bind(holder)
        .bind(last);
    connection.execute(statement).await.map(drop)
}
