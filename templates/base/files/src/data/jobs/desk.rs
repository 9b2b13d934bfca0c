//! What is done to jobs from outside their workers: by their owners over HTTP, by operators on the command
//! line, and by the clock.

use std::time::Duration;

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{Job, State, head_start};
use crate::data::{
    connection::Connection,
    database::Row,
    dialect::{now_ms, skip_locked},
    error::Error,
    millis,
};

macro_rules! columns {
    () => {
        "id, tenant, kind, state, attempts, max_attempts, version, progress, result, last_error,
         is_cancelled, run_at, created_at, started_at, finished_at"
    };
}

pub async fn find(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Job>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM jobs WHERE tenant = $1 AND id = $2"
    ))
    .bind(tenant)
    .bind(id);
    connection.optional(statement).await
}

/// Cancels the job if it has not ended: at once while it is queued; one that runs is told, and its worker
/// ends it. False when there is no such job, or it has ended.
pub async fn cancel(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "UPDATE jobs SET is_cancelled = TRUE, version = version + 1,
            finished_at = CASE WHEN state = 'queued' THEN ",
        now_ms!(),
        " END, state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
         WHERE tenant = $1 AND id = $2 AND state IN ('queued', 'running')"
    ))
    .bind(tenant)
    .bind(id);
    Ok(connection.execute(statement).await? == 1)
}

/// The newest jobs of all tenants in a state, for an operator.
pub async fn list(
    connection: &mut Connection,
    state: State,
    limit: u32,
) -> Result<Vec<Job>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM jobs WHERE state = $1 ORDER BY id DESC LIMIT $2"
    ))
    .bind(state.name())
    .bind(i64::from(limit));
    connection.all(statement).await
}

/// The job with its payload, whoever owns it, for an operator.
pub async fn inspect(
    connection: &mut Connection,
    id: Uuid,
) -> Result<Option<(Job, String)>, Error> {
    let job = sqlx::query_as(concat!("SELECT ", columns!(), " FROM jobs WHERE id = $1")).bind(id);
    let Some(job) = connection.optional(job).await? else {
        return Ok(None);
    };
    let payload = sqlx::query_scalar("SELECT payload FROM jobs WHERE id = $1").bind(id);
    Ok(Some((job, connection.scalar(payload).await?)))
}

/// Queues dead jobs again with all their attempts: the one with this id, or all. A job stays dead while another
/// one has its key, and of all with one key only the newest comes back. How many there were.
pub async fn redrive(connection: &mut Connection, id: Option<Uuid>) -> Result<u64, Error> {
    let statement = sqlx::query(concat!(
        "UPDATE jobs SET state = 'queued', attempts = 0, progress = 0, finished_at = NULL,
            is_cancelled = FALSE, version = version + 1, run_at = ",
        now_ms!(),
        ", rank = ",
        now_ms!(),
        " - priority * ",
        head_start!(),
        " WHERE state = 'dead' AND (id = $1 OR $1 IS NULL)
            AND NOT EXISTS (SELECT 1 FROM jobs AS other
                WHERE other.tenant = jobs.tenant AND other.kind = jobs.kind
                    AND other.dedupe_key = jobs.dedupe_key
                    AND (other.state IN ('queued', 'running')
                        OR ($1 IS NULL AND other.state = 'dead' AND other.id > jobs.id)))"
    ))
    .bind(id);
    connection.execute(statement).await
}

/// Removes the dead job with this id, or all. How many there were.
pub async fn discard(connection: &mut Connection, id: Option<Uuid>) -> Result<u64, Error> {
    let statement =
        sqlx::query("DELETE FROM jobs WHERE state = 'dead' AND (id = $1 OR $1 IS NULL)").bind(id);
    connection.execute(statement).await
}

/// Removes up to `limit` jobs that ended longer ago than this, and says how many. One that is redriven meanwhile stays.
pub async fn purge(
    connection: &mut Connection,
    state: State,
    age: Duration,
    limit: u32,
) -> Result<u64, Error> {
    let statement = sqlx::query(concat!(
        "DELETE FROM jobs WHERE id IN
            (SELECT id FROM jobs WHERE state = $1 AND finished_at <= ",
        now_ms!(),
        " - $2 LIMIT $3",
        skip_locked!(),
        ")"
    ))
    .bind(state.name())
    .bind(millis(age))
    .bind(i64::from(limit));
    connection.execute(statement).await
}

/// How many jobs of a kind wait or are dead, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    pub kind: String,
    pub state: State,
    pub jobs: i64,
    /// How long the first of them has been due, in milliseconds; negative while it is not.
    pub oldest: i64,
}

impl FromRow<'_, Row> for Backlog {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let state: String = row.try_get("state")?;
        Ok(Self {
            kind: row.try_get("kind")?,
            state: State::named(&state).map_err(|error| sqlx::Error::Decode(error.into()))?,
            jobs: row.try_get("jobs")?,
            oldest: row.try_get("oldest")?,
        })
    }
}

pub async fn backlog(connection: &mut Connection) -> Result<Vec<Backlog>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT kind, state, COUNT(*) AS jobs, ",
        now_ms!(),
        " - MIN(run_at) AS oldest FROM jobs
         WHERE state IN ('queued', 'dead') GROUP BY kind, state"
    ));
    connection.all(statement).await
}
