//! Jobs, as rows. The row decides: a broker may bring the news of one, but whoever works on it holds a lease
//! here, and each of its writes names the token of that lease. A worker whose lease ran out can change
//! nothing after another took over.

pub mod desk;
pub mod rests;
mod row;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::row::{Claimed, Job, State};
use super::{
    connection::Connection,
    dialect::{now_ms, skip_locked},
    error::Error,
    millis,
};

/// A step of priority is worth this head start, in milliseconds, so that what waits long enough comes first
/// whatever its priority.
macro_rules! head_start {
    () => {
        "60000"
    };
}
use head_start;

/// Whether a job may run beside those of its key: fewer of them than may are running, and the key does not rest. Of a
/// statement that has the kind as its first parameter, and how many may as its second.
macro_rules! is_free {
    () => {
        concat!(
            "(concurrency_key IS NULL OR concurrency_key NOT IN
                (SELECT concurrency_key FROM jobs
                 WHERE kind = $1 AND state = 'running' AND concurrency_key IS NOT NULL
                 GROUP BY concurrency_key HAVING COUNT(*) >= $2
                 UNION ALL
                 SELECT concurrency_key FROM job_rests WHERE kind = $1 AND rests_until > ",
            now_ms!(),
            "))"
        )
    };
}

/// A job to be.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    pub id: Uuid,
    pub tenant: &'a str,
    pub kind: &'a str,
    /// JSON.
    pub payload: &'a str,
    /// Higher comes earlier; 0 is usual.
    pub priority: u8,
    pub delay: Duration,
    pub max_attempts: u32,
    pub dedupe_key: Option<&'a str>,
    /// Of those that share it, only so many run at once.
    pub concurrency_key: Option<Uuid>,
    pub traceparent: Option<&'a str>,
}

/// The right to work on a job, until the lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub id: Uuid,
    pub token: Uuid,
}

/// Adds the job in the caller's transaction; false where there is one with its id, or one with its key that is
/// queued or running.
pub async fn add(connection: &mut Connection, job: &NewJob<'_>) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO jobs (id, tenant, kind, payload, state, priority, run_at, rank, max_attempts,
            dedupe_key, concurrency_key, traceparent, created_at)
         VALUES ($1, $2, $3, $4, 'queued', $5, ",
        now_ms!(),
        " + $6, ",
        now_ms!(),
        " + $6 - $5 * ",
        head_start!(),
        ", $7, $8, $9, $10, ",
        now_ms!(),
        ") ON CONFLICT DO NOTHING"
    ))
    .bind(job.id)
    .bind(job.tenant)
    .bind(job.kind)
    .bind(job.payload)
    .bind(i64::from(job.priority))
    .bind(millis(job.delay))
    .bind(i64::from(job.max_attempts))
    .bind(job.dedupe_key)
    .bind(job.concurrency_key)
    .bind(job.traceparent);
    Ok(connection.execute(statement).await? == 1)
}

/// Adds the job in the caller's transaction and gives its id, or that of the one with its key that is queued
/// or running.
pub async fn insert(connection: &mut Connection, job: &NewJob<'_>) -> Result<Uuid, Error> {
    if add(connection, job).await? {
        return Ok(job.id);
    }
    let there = sqlx::query_as(
        "SELECT id FROM jobs WHERE tenant = $1 AND kind = $2 AND dedupe_key = $3
            AND state IN ('queued', 'running')",
    )
    .bind(job.tenant)
    .bind(job.kind)
    .bind(job.dedupe_key);
    let there: Option<(Uuid,)> = connection.optional(there).await?;
    // It ended between the two statements: the caller's next try adds a new one.
    there.map(|(id,)| id).ok_or(Error::Busy)
}

/// Whether a claim would find something. A read, so that an idle worker never takes the write lock.
pub async fn is_due(
    connection: &mut Connection,
    kind: &str,
    per_key: Option<u32>,
) -> Result<bool, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT id FROM jobs WHERE kind = $1 AND state = 'queued' AND rank <= ",
        now_ms!(),
        " AND run_at <= ",
        now_ms!(),
        " AND ",
        is_free!(),
        " LIMIT 1"
    ))
    .bind(kind)
    .bind(bound(per_key));
    let due: Option<(Uuid,)> = connection.optional(statement).await?;
    Ok(due.is_some())
}

fn bound(per_key: Option<u32>) -> i64 {
    per_key.map_or(i64::MAX, i64::from)
}

/// Takes the first job that is due and free, and counts the attempt: one that kills its worker must not come back for
/// ever. Of those that share a key, `per_key` run at once.
pub async fn claim(
    connection: &mut Connection,
    kind: &str,
    per_key: Option<u32>,
    token: Uuid,
    lease: Duration,
) -> Result<Option<Claimed>, Error> {
    let statement = sqlx::query_as(concat!(
        "UPDATE jobs SET state = 'running', attempts = attempts + 1, version = version + 1, lease_token = $3,
            lease_until = ",
        now_ms!(),
        " + $4, started_at = COALESCE(started_at, ",
        now_ms!(),
        ")
         WHERE id = (SELECT id FROM jobs WHERE kind = $1 AND state = 'queued' AND rank <= ",
        now_ms!(),
        " AND run_at <= ",
        now_ms!(),
        " AND ",
        is_free!(),
        " ORDER BY rank LIMIT 1",
        skip_locked!(),
        ")
         RETURNING id, tenant, payload, attempts, traceparent, ",
        now_ms!(),
        " - run_at AS waited"
    ))
    .bind(kind)
    .bind(bound(per_key))
    .bind(token)
    .bind(millis(lease));
    connection.optional(statement).await
}

/// Begins the lease anew; false when it is lost.
pub async fn renew(
    connection: &mut Connection,
    lease: Lease,
    length: Duration,
) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "UPDATE jobs SET lease_until = ",
        now_ms!(),
        " + $1 WHERE id = $2 AND lease_token = $3"
    ))
    .bind(millis(length))
    .bind(lease.id)
    .bind(lease.token);
    Ok(connection.execute(statement).await? == 1)
}

/// Whether the job is to be cancelled; none when the lease is lost.
pub async fn look(connection: &mut Connection, lease: Lease) -> Result<Option<bool>, Error> {
    let statement =
        sqlx::query_as("SELECT is_cancelled FROM jobs WHERE id = $1 AND lease_token = $2")
            .bind(lease.id)
            .bind(lease.token);
    let row: Option<(bool,)> = connection.optional(statement).await?;
    Ok(row.map(|(is_cancelled,)| is_cancelled))
}

/// Nobody takes the job away until the transaction ends; false when the lease is lost already.
pub async fn hold(connection: &mut Connection, lease: Lease) -> Result<bool, Error> {
    let statement =
        sqlx::query("UPDATE jobs SET lease_token = lease_token WHERE id = $1 AND lease_token = $2")
            .bind(lease.id)
            .bind(lease.token);
    Ok(connection.execute(statement).await? == 1)
}

/// Says how far it is; false when the lease is lost, or the job is to be cancelled.
pub async fn progress(
    connection: &mut Connection,
    lease: Lease,
    percent: u8,
) -> Result<bool, Error> {
    let statement = sqlx::query(
        "UPDATE jobs SET progress = $1, version = version + 1
         WHERE id = $2 AND lease_token = $3 AND NOT is_cancelled",
    )
    .bind(i64::from(percent))
    .bind(lease.id)
    .bind(lease.token);
    Ok(connection.execute(statement).await? == 1)
}

/// Ends the job well, in the transaction of its effect; false when the lease is lost, or the job is to be
/// cancelled, and then the effect must not be either.
pub async fn succeed(
    connection: &mut Connection,
    lease: Lease,
    result: &str,
) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "UPDATE jobs SET state = 'succeeded', result = $1, progress = 100, version = version + 1,
            lease_token = NULL, lease_until = NULL, finished_at = ",
        now_ms!(),
        " WHERE id = $2 AND lease_token = $3 AND NOT is_cancelled"
    ))
    .bind(result)
    .bind(lease.id)
    .bind(lease.token);
    Ok(connection.execute(statement).await? == 1)
}

/// Puts the job back after a failure, to be tried again in `delay`; dead when no attempt is left, and cancelled
/// when nobody wants it. What it has become, or none when the lease is lost.
pub async fn fail(
    connection: &mut Connection,
    lease: Lease,
    error: &str,
    delay: Duration,
) -> Result<Option<State>, Error> {
    let statement = sqlx::query_as(concat!(
        "UPDATE jobs SET last_error = $1, version = version + 1, lease_token = NULL, lease_until = NULL,
            run_at = ",
        now_ms!(),
        " + $2, rank = ",
        now_ms!(),
        " + $2 - priority * ",
        head_start!(),
        ",
            state = CASE WHEN is_cancelled THEN 'cancelled'
                WHEN attempts < max_attempts THEN 'queued' ELSE 'dead' END,
            finished_at = CASE WHEN NOT is_cancelled AND attempts < max_attempts THEN NULL ELSE ",
        now_ms!(),
        " END
         WHERE id = $3 AND lease_token = $4 RETURNING state"
    ))
    .bind(error)
    .bind(millis(delay))
    .bind(lease.id)
    .bind(lease.token);
    became(connection.optional(statement).await?)
}

/// Ends the job for good, without success. What it has become, or none when the lease is lost.
pub async fn end(
    connection: &mut Connection,
    lease: Lease,
    state: State,
    error: Option<&str>,
) -> Result<Option<State>, Error> {
    let statement = sqlx::query_as(concat!(
        "UPDATE jobs SET state = CASE WHEN is_cancelled THEN 'cancelled' ELSE $1 END,
            last_error = COALESCE($2, last_error), version = version + 1, lease_token = NULL,
            lease_until = NULL, finished_at = ",
        now_ms!(),
        " WHERE id = $3 AND lease_token = $4 RETURNING state"
    ))
    .bind(state.name())
    .bind(error)
    .bind(lease.id)
    .bind(lease.token);
    became(connection.optional(statement).await?)
}

/// Gives the lease back as if the job had never been claimed: its worker is leaving, which is no fault of the
/// job's. What it has become, or none when the lease is lost.
pub async fn give_back(connection: &mut Connection, lease: Lease) -> Result<Option<State>, Error> {
    let statement = sqlx::query_as(concat!(
        "UPDATE jobs SET state = CASE WHEN is_cancelled THEN 'cancelled' ELSE 'queued' END,
            finished_at = CASE WHEN is_cancelled THEN ",
        now_ms!(),
        " END, attempts = attempts - 1, version = version + 1, lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2 RETURNING state"
    ))
    .bind(lease.id)
    .bind(lease.token);
    became(connection.optional(statement).await?)
}

fn became(row: Option<(String,)>) -> Result<Option<State>, Error> {
    row.map(|(name,)| State::named(&name)).transpose()
}

/// Takes jobs from workers whose lease ran out; gives what each of them has become.
pub async fn reap(connection: &mut Connection, limit: u32) -> Result<Vec<(Uuid, State)>, Error> {
    let statement = sqlx::query_as(concat!(
        "UPDATE jobs SET version = version + 1, lease_token = NULL, lease_until = NULL,
            last_error = 'its worker died, or lost touch with the database',
            state = CASE WHEN is_cancelled THEN 'cancelled'
                WHEN attempts < max_attempts THEN 'queued' ELSE 'dead' END,
            finished_at = CASE WHEN NOT is_cancelled AND attempts < max_attempts THEN NULL ELSE ",
        now_ms!(),
        " END
         WHERE id IN (SELECT id FROM jobs WHERE state = 'running' AND lease_until <= ",
        now_ms!(),
        " LIMIT $1",
        skip_locked!(),
        ") RETURNING id, state"
    ))
    .bind(i64::from(limit));
    let rows: Vec<(Uuid, String)> = connection.all(statement).await?;
    let state = |(id, name): (Uuid, String)| Ok((id, State::named(&name)?));
    rows.into_iter().map(state).collect()
}
