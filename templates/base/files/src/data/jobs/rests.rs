//! What is left alone for a while: jobs that share a key with some that failed one after the other. They would only
//! fail too, and each has but so many attempts.

use std::time::Duration;

use uuid::Uuid;

use crate::data::{connection::Connection, dialect::now_ms, error::Error, millis};

/// After so long without one, failures of before say nothing any more.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Counts a failure, unless it ends during a rest: what was under way when that began says nothing new. Gives how many
/// there are by now.
pub async fn failed(connection: &mut Connection, kind: &str, key: Uuid) -> Result<i64, Error> {
    let statement = sqlx::query_as(concat!(
        "INSERT INTO job_rests (kind, concurrency_key, failures, rests_until) VALUES ($1, $2, 1, ",
        now_ms!(),
        ") ON CONFLICT (kind, concurrency_key) DO UPDATE SET failures = job_rests.failures
            + CASE WHEN job_rests.rests_until > ",
        now_ms!(),
        " THEN 0 ELSE 1 END
         RETURNING failures"
    ))
    .bind(kind)
    .bind(key);
    let (failures,): (i64,) = connection.one(statement).await?;
    Ok(failures)
}

/// Begins a rest where one has failed, if it does not rest for longer already.
pub async fn begin(
    connection: &mut Connection,
    kind: &str,
    key: Uuid,
    rest: Duration,
) -> Result<(), Error> {
    let statement = sqlx::query(concat!(
        "UPDATE job_rests SET rests_until = ",
        now_ms!(),
        " + $3 WHERE kind = $1 AND concurrency_key = $2 AND rests_until < ",
        now_ms!(),
        " + $3"
    ))
    .bind(kind)
    .bind(key)
    .bind(millis(rest));
    connection.execute(statement).await.map(drop)
}

/// Forgets the failures. A rest goes on: what succeeds now may have been under way when it began.
pub async fn worked(connection: &mut Connection, kind: &str, key: Uuid) -> Result<(), Error> {
    let statement =
        sqlx::query("UPDATE job_rests SET failures = 0 WHERE kind = $1 AND concurrency_key = $2")
            .bind(kind)
            .bind(key);
    connection.execute(statement).await.map(drop)
}

/// Ends the rest and forgets the failures.
pub async fn end(connection: &mut Connection, kind: &str, key: Uuid) -> Result<(), Error> {
    let statement = sqlx::query("DELETE FROM job_rests WHERE kind = $1 AND concurrency_key = $2")
        .bind(kind)
        .bind(key);
    connection.execute(statement).await.map(drop)
}

/// Forgets failures whose rest ended longer ago than this.
pub async fn purge(connection: &mut Connection, age: Duration) -> Result<u64, Error> {
    let statement = sqlx::query(concat!(
        "DELETE FROM job_rests WHERE rests_until <= ",
        now_ms!(),
        " - $1"
    ))
    .bind(millis(age));
    connection.execute(statement).await
}
