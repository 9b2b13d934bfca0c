//! Who is to be told of a job's end.

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::data::{connection::Connection, database::Row, error::Error, jobs::State};

/// A job that has ended, and who is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub tenant: String,
    pub endpoint: Uuid,
    pub url: String,
    pub kind: String,
    pub state: State,
}

impl FromRow<'_, Row> for Callback {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let state: String = row.try_get("state")?;
        Ok(Self {
            tenant: row.try_get("tenant")?,
            endpoint: row.try_get("endpoint")?,
            url: row.try_get("url")?,
            kind: row.try_get("kind")?,
            state: State::named(&state).map_err(|error| sqlx::Error::Decode(error.into()))?,
        })
    }
}

/// Has the endpoint told of the job's end, unless it was removed meanwhile.
pub async fn insert(
    connection: &mut Connection,
    tenant: &str,
    job: Uuid,
    endpoint: Uuid,
    url: &str,
) -> Result<(), Error> {
    let statement = sqlx::query(
        "INSERT INTO job_callbacks (job, tenant, endpoint, url)
         SELECT $1, tenant, id, $2 FROM webhook_endpoints WHERE tenant = $3 AND id = $4",
    )
    .bind(job)
    .bind(url)
    .bind(tenant)
    .bind(endpoint);
    connection.execute(statement).await.map(drop)
}

/// Of a job whose id the caller has from its own row, so it needs no tenant.
pub async fn find(connection: &mut Connection, job: Uuid) -> Result<Option<Callback>, Error> {
    let statement = sqlx::query_as(
        "SELECT c.tenant, c.endpoint, c.url, j.kind, j.state
         FROM job_callbacks AS c JOIN jobs AS j ON j.id = c.job WHERE c.job = $1",
    )
    .bind(job);
    connection.optional(statement).await
}
