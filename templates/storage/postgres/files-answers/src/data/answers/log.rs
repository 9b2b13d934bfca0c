//! The events of durable answers are written down for many answers at once: two statements a batch, however many
//! answers and events there are.

use std::time::Duration;

use uuid::Uuid;

use super::{Lease, Stored};
use crate::data::{connection::Connection, dialect::now_ms, error::Error, millis};

/// Begins these leases anew; gives the answers whose lease is held still.
pub async fn renew(
    connection: &mut Connection,
    leases: &[Lease],
    length: Duration,
) -> Result<Vec<Uuid>, Error> {
    let tokens: Vec<Uuid> = leases.iter().map(|lease| lease.token).collect();
    let statement = sqlx::query_as(concat!(
        "UPDATE answers SET lease_until = ",
        now_ms!(),
        " + $1 WHERE lease_token = ANY($2) RETURNING id"
    ))
    .bind(millis(length))
    .bind(tokens);
    let rows: Vec<(Uuid,)> = connection.all(statement).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Adds events, each to its answer. In the transaction in which the leases were found to be held; one that is there
/// already was written by a try whose success was not heard of.
pub async fn append(connection: &mut Connection, events: &[(Uuid, &Stored)]) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let answers: Vec<Uuid> = events.iter().map(|(answer, _)| *answer).collect();
    let numbers: Vec<i64> = events.iter().map(|(_, event)| event.number).collect();
    let names: Vec<&str> = events
        .iter()
        .map(|(_, event)| event.name.as_str())
        .collect();
    let data: Vec<&str> = events
        .iter()
        .map(|(_, event)| event.data.as_str())
        .collect();
    let statement = sqlx::query(
        "INSERT INTO answer_events (answer, number, name, data)
         SELECT * FROM UNNEST($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(answers)
    .bind(numbers)
    .bind(names)
    .bind(data);
    connection.execute(statement).await.map(drop)
}
