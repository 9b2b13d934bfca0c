//! What only one process does at a time, whichever it is.

use std::time::Duration;

use uuid::Uuid;

use crate::data::{connection::Connection, dialect::now_ms, error::Error, millis};

/// Takes the turn for so long, or keeps it for so long from now on; false where somebody else has it.
pub async fn take(
    connection: &mut Connection,
    name: &str,
    holder: Uuid,
    length: Duration,
) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO turns (name, holder, held_until) VALUES ($1, $2, ",
        now_ms!(),
        " + $3) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
         WHERE turns.holder = excluded.holder OR turns.held_until <= ",
        now_ms!()
    ))
    .bind(name)
    .bind(holder)
    .bind(millis(length));
    Ok(connection.execute(statement).await? == 1)
}

/// For how long somebody else has it, unless it is renewed. A read, for whoever looks again and again.
pub async fn left(
    connection: &mut Connection,
    name: &str,
    holder: Uuid,
) -> Result<Option<Duration>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT held_until - ",
        now_ms!(),
        " FROM turns WHERE name = $1 AND holder <> $2 AND held_until > ",
        now_ms!()
    ))
    .bind(name)
    .bind(holder);
    let left: Option<(i64,)> = connection.optional(statement).await?;
    Ok(left.map(|(left,)| Duration::from_millis(u64::try_from(left).unwrap_or_default())))
}

/// Ends it early.
pub async fn give_back(connection: &mut Connection, name: &str, holder: Uuid) -> Result<(), Error> {
    let statement = sqlx::query("DELETE FROM turns WHERE name = $1 AND holder = $2")
        .bind(name)
        .bind(holder);
    connection.execute(statement).await.map(drop)
}
