//! Where tenants want to be called back.

use std::time::Duration;

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::data::{connection::Connection, database::Row, dialect::now_ms, error::Error, millis};

/// Why an endpoint gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disabled {
    /// It said that it does not want any more.
    Gone,
    /// It has failed for too long.
    Failing,
}

impl Disabled {
    const ALL: [Self; 2] = [Self::Gone, Self::Failing];

    pub fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    pub fn reason(self) -> &'static str {
        match self {
            Self::Gone => "it answered 410",
            Self::Failing => "for 5 days it has only failed",
        }
    }

    pub(super) fn read(row: &Row) -> sqlx::Result<Option<Self>> {
        let name: Option<String> = row.try_get("disabled")?;
        Ok(name.and_then(|name| Self::ALL.into_iter().find(|known| known.name() == name)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub id: Uuid,
    pub url: String,
    pub disabled: Option<Disabled>,
    /// Since when it has only failed.
    pub failing_since: Option<i64>,
    /// While it is left alone.
    pub resting_until: Option<i64>,
    pub created_at: i64,
}

impl FromRow<'_, Row> for Endpoint {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            url: row.try_get("url")?,
            disabled: Disabled::read(row)?,
            failing_since: row.try_get("failing_since")?,
            resting_until: row.try_get("resting_until")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// The secret, sealed, and the one before it for as long as it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    pub secret: Vec<u8>,
    pub previous_secret: Option<Vec<u8>>,
    pub previous_until: Option<i64>,
}

impl FromRow<'_, Row> for Secrets {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            secret: row.try_get("secret")?,
            previous_secret: row.try_get("previous_secret")?,
            previous_until: row.try_get("previous_until")?,
        })
    }
}

/// An `Endpoint`, up to the condition.
macro_rules! select {
    () => {
        concat!(
            "SELECT e.id, e.url, e.disabled, e.failing_since, e.created_at, r.rests_until AS resting_until
             FROM webhook_endpoints AS e LEFT JOIN job_rests AS r
                ON r.kind = 'webhook' AND r.concurrency_key = e.id AND r.rests_until > ",
            now_ms!()
        )
    };
}

/// Adds the endpoint; false where the tenant has one with this URL.
pub async fn insert(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    url: &str,
    secret: &[u8],
) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO webhook_endpoints (id, tenant, url, secret, created_at)
         VALUES ($1, $2, $3, $4, ",
        now_ms!(),
        ") ON CONFLICT DO NOTHING"
    ))
    .bind(id)
    .bind(tenant)
    .bind(url)
    .bind(secret);
    Ok(connection.execute(statement).await? == 1)
}

pub async fn find(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Endpoint>, Error> {
    let statement = sqlx::query_as(concat!(select!(), " WHERE e.tenant = $1 AND e.id = $2"))
        .bind(tenant)
        .bind(id);
    connection.optional(statement).await
}

/// The tenant's endpoint with one of these URLs, the longest first.
pub async fn find_by_url(
    connection: &mut Connection,
    tenant: &str,
    urls: [&str; 2],
) -> Result<Option<Endpoint>, Error> {
    let statement = sqlx::query_as(concat!(
        select!(),
        " WHERE e.tenant = $1 AND e.url IN ($2, $3)
         ORDER BY LENGTH(url) DESC LIMIT 1"
    ))
    .bind(tenant)
    .bind(urls[0])
    .bind(urls[1]);
    connection.optional(statement).await
}

/// The page of up to `limit` endpoints after `after`, oldest first.
pub async fn page(
    connection: &mut Connection,
    tenant: &str,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Endpoint>, Error> {
    let statement = sqlx::query_as(concat!(
        select!(),
        " WHERE e.tenant = $1 AND e.id > $2 ORDER BY e.id LIMIT $3"
    ))
    .bind(tenant)
    .bind(after)
    .bind(i64::from(limit));
    connection.all(statement).await
}

/// Removes the endpoint and its deliveries; false when there was none.
pub async fn remove(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<bool, Error> {
    let statement = sqlx::query("DELETE FROM webhook_endpoints WHERE tenant = $1 AND id = $2")
        .bind(tenant)
        .bind(id);
    Ok(connection.execute(statement).await? == 1)
}

/// Forgets all failures; false when there is no such endpoint.
pub async fn enable(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<bool, Error> {
    let statement = sqlx::query(
        "UPDATE webhook_endpoints SET disabled = NULL, failing_since = NULL
         WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant)
    .bind(id);
    Ok(connection.execute(statement).await? == 1)
}

pub async fn secrets(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Secrets>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT secret,
            CASE WHEN previous_until > ",
        now_ms!(),
        " THEN previous_secret END AS previous_secret,
            CASE WHEN previous_until > ",
        now_ms!(),
        " THEN previous_until END AS previous_until
         FROM webhook_endpoints WHERE tenant = $1 AND id = $2"
    ))
    .bind(tenant)
    .bind(id);
    connection.optional(statement).await
}

/// Puts `secret` in place of the one that is there, which stays good for the time of `overlap`; false while the
/// one before that is still good, or when there is no such endpoint.
pub async fn rotate(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    secret: &[u8],
    overlap: Duration,
) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "UPDATE webhook_endpoints SET previous_secret = secret, secret = $1, previous_until = ",
        now_ms!(),
        " + $2
         WHERE tenant = $3 AND id = $4 AND (previous_until IS NULL OR previous_until <= ",
        now_ms!(),
        ")"
    ))
    .bind(secret)
    .bind(millis(overlap))
    .bind(tenant)
    .bind(id);
    Ok(connection.execute(statement).await? == 1)
}

/// It took a delivery; whether it had failed before.
pub async fn worked(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<bool, Error> {
    let statement = sqlx::query(
        "UPDATE webhook_endpoints SET failing_since = NULL
         WHERE tenant = $1 AND id = $2 AND failing_since IS NOT NULL",
    )
    .bind(tenant)
    .bind(id);
    Ok(connection.execute(statement).await? == 1)
}

/// It did not take a delivery. That disables it if it is gone, or has only failed for `longest`; then, why.
pub async fn failed(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    is_gone: bool,
    longest: Duration,
) -> Result<Option<Disabled>, Error> {
    let statement = sqlx::query_as(concat!(
        "UPDATE webhook_endpoints SET failing_since = COALESCE(failing_since, ",
        now_ms!(),
        "),
            disabled = CASE WHEN disabled IS NOT NULL THEN disabled WHEN $1 THEN 'gone'
                WHEN failing_since <= ",
        now_ms!(),
        " - $2 THEN 'failing' END
         WHERE tenant = $3 AND id = $4 RETURNING disabled"
    ))
    .bind(is_gone)
    .bind(millis(longest))
    .bind(tenant)
    .bind(id);
    let row: Option<State> = connection.optional(statement).await?;
    Ok(row.and_then(|State(disabled)| disabled))
}

struct State(Option<Disabled>);

impl FromRow<'_, Row> for State {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Disabled::read(row).map(Self)
    }
}
