//! The events of durable answers are written down for many answers at once: two statements a batch, however many
//! answers and events there are, so that the one writer that SQLite has is busy for a moment only.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Lease, Stored};
use crate::data::{connection::Connection, dialect::now_ms, error::Error, millis};

/// Begins these leases anew; gives the answers whose lease is held still.
pub async fn renew(
    connection: &mut Connection,
    leases: &[Lease],
    length: Duration,
) -> Result<Vec<Uuid>, Error> {
    let tokens: Vec<String> = leases.iter().map(|lease| hex(lease.token)).collect();
    let statement = sqlx::query_as(concat!(
        "UPDATE answers SET lease_until = ",
        now_ms!(),
        " + $1 WHERE lease_token IN (SELECT unhex(value) FROM json_each($2)) RETURNING id"
    ))
    .bind(millis(length))
    .bind(json!(tokens).to_string());
    let rows: Vec<(Uuid,)> = connection.all(statement).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Adds events, each to its answer. In the transaction in which the leases were found to be held; one that is there
/// already was written by a try whose success was not heard of.
pub async fn append(connection: &mut Connection, events: &[(Uuid, &Stored)]) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let row =
        |(id, event): &(Uuid, &Stored)| json!([hex(*id), event.number, event.name, event.data]);
    let rows: Vec<Value> = events.iter().map(row).collect();
    let statement = sqlx::query(
        "INSERT INTO answer_events (answer, number, name, data)
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3 FROM json_each($1)
         WHERE TRUE ON CONFLICT DO NOTHING",
    )
    .bind(json!(rows).to_string());
    connection.execute(statement).await.map(drop)
}

fn hex(id: Uuid) -> String {
    id.simple().to_string()
}
