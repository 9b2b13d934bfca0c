//! Messages to endpoints. Each has the id of the job that delivers it, which says how far it is; it goes when its
//! job does, or its endpoint.

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::endpoints::Disabled;
use crate::data::{
    connection::Connection, database::Row, dialect::now_ms, error::Error, jobs::State,
};

#[derive(Clone, Debug)]
pub struct NewDelivery<'a> {
    pub id: Uuid,
    pub endpoint: Uuid,
    pub url: &'a str,
    pub event: &'a str,
    /// JSON, as it is signed.
    pub body: &'a str,
}

/// What an attempt needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub endpoint: Uuid,
    pub url: String,
    pub body: String,
    pub disabled: Option<Disabled>,
    /// Sealed, as both are.
    pub secret: Vec<u8>,
    /// While it is good.
    pub previous_secret: Option<Vec<u8>>,
}

impl FromRow<'_, Row> for Due {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            endpoint: row.try_get("endpoint")?,
            url: row.try_get("url")?,
            body: row.try_get("body")?,
            disabled: Disabled::read(row)?,
            secret: row.try_get("secret")?,
            previous_secret: row.try_get("previous_secret")?,
        })
    }
}

/// A delivery as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: Uuid,
    pub event: String,
    pub url: String,
    pub state: State,
    pub attempts: i64,
    /// While it is queued: when the next attempt is due.
    pub run_at: i64,
    pub last_error: Option<String>,
    /// Of the last attempt, as the next two.
    pub attempted_at: Option<i64>,
    pub status: Option<i64>,
    pub answer: Option<String>,
    pub created_at: i64,
}

impl FromRow<'_, Row> for Delivery {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let state: String = row.try_get("state")?;
        Ok(Self {
            id: row.try_get("id")?,
            event: row.try_get("event")?,
            url: row.try_get("url")?,
            state: State::named(&state).map_err(|error| sqlx::Error::Decode(error.into()))?,
            attempts: row.try_get("attempts")?,
            run_at: row.try_get("run_at")?,
            last_error: row.try_get("last_error")?,
            attempted_at: row.try_get("attempted_at")?,
            status: row.try_get("status")?,
            answer: row.try_get("answer")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// Adds the delivery in the transaction of its job.
pub async fn insert(
    connection: &mut Connection,
    tenant: &str,
    delivery: &NewDelivery<'_>,
) -> Result<(), Error> {
    let statement = sqlx::query(
        "INSERT INTO webhook_deliveries (id, tenant, endpoint, url, event, body)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(delivery.id)
    .bind(tenant)
    .bind(delivery.endpoint)
    .bind(delivery.url)
    .bind(delivery.event)
    .bind(delivery.body);
    connection.execute(statement).await.map(drop)
}

pub async fn due(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Due>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT d.endpoint, d.url, d.body, e.disabled, e.secret,
            CASE WHEN e.previous_until > ",
        now_ms!(),
        " THEN e.previous_secret END AS previous_secret
         FROM webhook_deliveries AS d JOIN webhook_endpoints AS e ON e.id = d.endpoint
         WHERE d.tenant = $1 AND d.id = $2"
    ))
    .bind(tenant)
    .bind(id);
    connection.optional(statement).await
}

/// Keeps what came of an attempt: no status where there was no answer.
pub async fn answered(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    answer: Option<(u16, &str)>,
) -> Result<(), Error> {
    let statement = sqlx::query(concat!(
        "UPDATE webhook_deliveries SET status = $1, answer = $2, attempted_at = ",
        now_ms!(),
        " WHERE tenant = $3 AND id = $4"
    ))
    .bind(answer.map(|(status, _)| i64::from(status)))
    .bind(answer.map(|(_, body)| body))
    .bind(tenant)
    .bind(id);
    connection.execute(statement).await.map(drop)
}

/// The page of up to `limit` deliveries to an endpoint before `before`, the newest first.
pub async fn page(
    connection: &mut Connection,
    tenant: &str,
    endpoint: Uuid,
    before: Uuid,
    limit: u32,
) -> Result<Vec<Delivery>, Error> {
    let statement = sqlx::query_as(
        "SELECT d.id, d.event, d.url, d.attempted_at, d.status, d.answer,
            j.state, j.attempts, j.run_at, j.last_error, j.created_at
         FROM webhook_deliveries AS d JOIN jobs AS j ON j.id = d.id
         WHERE d.tenant = $1 AND d.endpoint = $2 AND d.id < $3 ORDER BY d.id DESC LIMIT $4",
    )
    .bind(tenant)
    .bind(endpoint)
    .bind(before)
    .bind(i64::from(limit));
    connection.all(statement).await
}
