//! Idempotency keys, as rows. A claim commits first and alone; its token fences every later write, so a
//! request whose lease ran out can change nothing after another took over.

use std::time::Duration;

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{
    connection::Connection,
    database::Row,
    dialect::{now_ms, skip_locked},
    error::Error,
    millis,
};

/// The digest of caller, method, path and key.
pub type Scope = [u8; 32];

/// The digest of the request itself.
pub type Fingerprint = [u8; 32];

pub struct Claim<'a> {
    pub scope: &'a Scope,
    pub fingerprint: &'a Fingerprint,
    pub token: Uuid,
    pub request_id: &'a str,
    pub lease: Duration,
    pub retention: Duration,
}

/// A key that somebody holds or has used.
#[derive(Debug)]
pub struct Existing {
    pub fingerprint: Vec<u8>,
    pub request_id: String,
    /// Until the lease ends, in milliseconds.
    pub lease_left: i64,
    pub status: Option<i32>,
    pub headers: Option<String>,
    pub body: Option<Vec<u8>>,
}

impl FromRow<'_, Row> for Existing {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            fingerprint: row.try_get("fingerprint")?,
            request_id: row.try_get("request_id")?,
            lease_left: row.try_get("lease_left")?,
            status: row.try_get("status")?,
            headers: row.try_get("headers")?,
            body: row.try_get("body")?,
        })
    }
}

/// The answer as it is stored; `headers` is JSON.
pub struct Answer<'a> {
    pub status: u16,
    pub headers: &'a str,
    pub body: &'a [u8],
}

/// Takes the key if it is free: never used, expired, or claimed by the same request whose lease ended.
pub async fn claim(connection: &mut Connection, claim: &Claim<'_>) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO idempotency_keys
            (scope, fingerprint, token, request_id, lease_until, expires_at)
         VALUES ($1, $2, $3, $4, ",
        now_ms!(),
        " + $5, ",
        now_ms!(),
        " + $6)
         ON CONFLICT (scope) DO UPDATE SET
            fingerprint = excluded.fingerprint, token = excluded.token,
            request_id = excluded.request_id, lease_until = excluded.lease_until,
            expires_at = excluded.expires_at, status = NULL, headers = NULL, body = NULL
         WHERE idempotency_keys.expires_at <= ",
        now_ms!(),
        "
            OR (idempotency_keys.status IS NULL
                AND idempotency_keys.lease_until <= ",
        now_ms!(),
        "
                AND idempotency_keys.fingerprint = excluded.fingerprint)"
    ))
    .bind(claim.scope.as_slice())
    .bind(claim.fingerprint.as_slice())
    .bind(claim.token)
    .bind(claim.request_id)
    .bind(millis(claim.lease))
    .bind(millis(claim.retention));
    Ok(connection.execute(statement).await? == 1)
}

pub async fn find(connection: &mut Connection, scope: &Scope) -> Result<Option<Existing>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT fingerprint, request_id, lease_until - ",
        now_ms!(),
        " AS lease_left, status, headers, body
         FROM idempotency_keys WHERE scope = $1"
    ))
    .bind(scope.as_slice());
    connection.optional(statement).await
}

/// Stores the answer in the transaction of its effect; false when the claim was lost meanwhile.
pub async fn complete(
    connection: &mut Connection,
    scope: &Scope,
    token: Uuid,
    answer: &Answer<'_>,
) -> Result<bool, Error> {
    let statement = sqlx::query(
        "UPDATE idempotency_keys SET status = $1, headers = $2, body = $3
         WHERE scope = $4 AND token = $5 AND status IS NULL",
    )
    .bind(i32::from(answer.status))
    .bind(answer.headers)
    .bind(answer.body)
    .bind(scope.as_slice())
    .bind(token);
    Ok(connection.execute(statement).await? == 1)
}

/// Gives the key back: the work had no effect, so it may be tried again at once.
pub async fn release(connection: &mut Connection, scope: &Scope, token: Uuid) -> Result<(), Error> {
    let statement = sqlx::query(
        "DELETE FROM idempotency_keys WHERE scope = $1 AND token = $2 AND status IS NULL",
    )
    .bind(scope.as_slice())
    .bind(token);
    connection.execute(statement).await.map(drop)
}

/// Removes up to `limit` keys whose time is over, and says how many. One that is claimed anew meanwhile stays.
pub async fn purge(connection: &mut Connection, limit: u32) -> Result<u64, Error> {
    let statement = sqlx::query(concat!(
        "DELETE FROM idempotency_keys WHERE scope IN
            (SELECT scope FROM idempotency_keys WHERE expires_at <= ",
        now_ms!(),
        " LIMIT $1",
        skip_locked!(),
        ")"
    ))
    .bind(i64::from(limit));
    connection.execute(statement).await
}
