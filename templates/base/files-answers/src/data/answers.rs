//! Durable answers, as rows: who makes one, until when that is believed, and what came of it. Whoever makes it holds
//! a lease, and each of its writes names the token of that lease: after somebody else has given it up, it can
//! change nothing. Its events are in `log`.

pub mod log;
mod row;

use std::time::Duration;

use uuid::Uuid;

pub use self::row::{Answer, State, Stored};
use super::{connection::Connection, dialect::now_ms, error::Error, millis};

/// The right to make an answer, until the lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub id: Uuid,
    pub token: Uuid,
}

/// Adds an answer that is being made.
pub async fn insert(
    connection: &mut Connection,
    tenant: &str,
    lease: Lease,
    length: Duration,
) -> Result<(), Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO answers (id, tenant, state, lease_token, lease_until, created_at)
         VALUES ($1, $2, 'running', $3, ",
        now_ms!(),
        " + $4, ",
        now_ms!(),
        ")"
    ))
    .bind(lease.id)
    .bind(tenant)
    .bind(lease.token)
    .bind(millis(length));
    connection.execute(statement).await.map(drop)
}

pub async fn find(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Answer>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT id, state, result, created_at, finished_at, lease_until - ",
        now_ms!(),
        " AS lease_left FROM answers WHERE tenant = $1 AND id = $2"
    ))
    .bind(tenant)
    .bind(id);
    connection.optional(statement).await
}

/// The events after the one with this number, in their order.
pub async fn events(
    connection: &mut Connection,
    id: Uuid,
    after: i64,
    limit: u32,
) -> Result<Vec<Stored>, Error> {
    let statement = sqlx::query_as(
        "SELECT number, name, data FROM answer_events
         WHERE answer = $1 AND number > $2 ORDER BY number LIMIT $3",
    )
    .bind(id)
    .bind(after)
    .bind(i64::from(limit));
    connection.all(statement).await
}

/// The numbers of its first and of its last event; none where there are no events.
pub async fn span(connection: &mut Connection, id: Uuid) -> Result<Option<(i64, i64)>, Error> {
    let statement = sqlx::query_as(
        "SELECT (SELECT MIN(number) FROM answer_events WHERE answer = $1),
            (SELECT MAX(number) FROM answer_events WHERE answer = $1)",
    )
    .bind(id);
    let (first, last): (Option<i64>, Option<i64>) = connection.one(statement).await?;
    Ok(first.zip(last))
}

/// Ends the answer, in the transaction of its last events; false when the lease is lost.
pub async fn end(
    connection: &mut Connection,
    lease: Lease,
    state: State,
    result: &str,
) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "UPDATE answers SET state = $1, result = $2, lease_token = NULL, lease_until = NULL, finished_at = ",
        now_ms!(),
        " WHERE id = $3 AND lease_token = $4"
    ))
    .bind(state.name())
    .bind(result)
    .bind(lease.id)
    .bind(lease.token);
    Ok(connection.execute(statement).await? == 1)
}

/// Ends an answer whose lease ran out: whoever made it is dead. `problem` becomes its result and, in one transaction
/// with that, its last event. False when there is no such answer.
pub async fn give_up(connection: &mut Connection, id: Uuid, problem: &str) -> Result<bool, Error> {
    let end = sqlx::query(concat!(
        "UPDATE answers SET state = 'failed', result = $1, lease_token = NULL, lease_until = NULL,
            finished_at = ",
        now_ms!(),
        " WHERE id = $2 AND state = 'running' AND lease_until <= ",
        now_ms!()
    ))
    .bind(problem)
    .bind(id);
    if connection.execute(end).await? == 0 {
        return Ok(false);
    }
    let tell = sqlx::query(
        "INSERT INTO answer_events (answer, number, name, data)
         SELECT $1, COALESCE(MAX(number), 0) + 1, 'error', $2 FROM answer_events WHERE answer = $1",
    )
    .bind(id)
    .bind(problem);
    connection.execute(tell).await.map(|_| true)
}

/// Up to `limit` answers whose lease ran out.
pub async fn orphans(connection: &mut Connection, limit: u32) -> Result<Vec<Uuid>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT id FROM answers WHERE state = 'running' AND lease_until <= ",
        now_ms!(),
        " LIMIT $1"
    ))
    .bind(i64::from(limit));
    let rows: Vec<(Uuid,)> = connection.all(statement).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Removes up to `limit` events of answers that ended longer ago than this, and says how many.
pub async fn purge_events(
    connection: &mut Connection,
    age: Duration,
    limit: u32,
) -> Result<u64, Error> {
    let statement = sqlx::query(concat!(
        "DELETE FROM answer_events WHERE (answer, number) IN
            (SELECT answer, number FROM answer_events JOIN answers ON answers.id = answer
             WHERE finished_at <= ",
        now_ms!(),
        " - $1 LIMIT $2)"
    ))
    .bind(millis(age))
    .bind(i64::from(limit));
    connection.execute(statement).await
}

/// Removes up to `limit` answers that ended longer ago than this, and says how many.
pub async fn purge(connection: &mut Connection, age: Duration, limit: u32) -> Result<u64, Error> {
    let statement = sqlx::query(concat!(
        "DELETE FROM answers WHERE id IN
            (SELECT id FROM answers WHERE finished_at <= ",
        now_ms!(),
        " - $1 LIMIT $2)"
    ))
    .bind(millis(age))
    .bind(i64::from(limit));
    connection.execute(statement).await
}
