//! Documents, as rows. Every statement names the tenant: a row that it does not see does not exist.

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{connection::Connection, database::Row, error::Error};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub id: Uuid,
    pub title: String,
    pub body: String,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i64,
    /// Microseconds since 1970, in UTC.
    pub created_at: i64,
    pub updated_at: i64,
}

/// What a list shows of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub id: Uuid,
    pub title: String,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// What is in a document, for who reads many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub id: Uuid,
    pub title: String,
    pub body: String,
}

/// What a tenant stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub documents: i64,
    /// Characters of all titles and bodies.
    pub characters: i64,
}

impl FromRow<'_, Row> for Document {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            body: row.try_get("body")?,
            version: row.try_get("version")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

impl FromRow<'_, Row> for Summary {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            version: row.try_get("version")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

impl FromRow<'_, Row> for Text {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            body: row.try_get("body")?,
        })
    }
}

impl FromRow<'_, Row> for Usage {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            documents: row.try_get("documents")?,
            characters: row.try_get("characters")?,
        })
    }
}

pub async fn insert(
    connection: &mut Connection,
    tenant: &str,
    document: &Document,
) -> Result<(), Error> {
    let statement = sqlx::query(
        "INSERT INTO documents (id, tenant, title, body, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(document.id)
    .bind(tenant)
    .bind(&document.title)
    .bind(&document.body)
    .bind(document.version)
    .bind(document.created_at)
    .bind(document.updated_at);
    connection.execute(statement).await.map(drop)
}

pub async fn find(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Document>, Error> {
    let statement = sqlx::query_as(
        "SELECT id, title, body, version, created_at, updated_at
         FROM documents WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant)
    .bind(id);
    connection.optional(statement).await
}

/// The page of up to `limit` documents after `after`, oldest first. Ids are UUIDv7: their order is total, and
/// that of creation but for milliseconds and the clocks of instances. Who pages while others write may miss
/// what commits behind them.
pub async fn page(
    connection: &mut Connection,
    tenant: &str,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Summary>, Error> {
    let statement = sqlx::query_as(
        "SELECT id, title, version, created_at, updated_at
         FROM documents WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(tenant)
    .bind(after)
    .bind(i64::from(limit));
    connection.all(statement).await
}

/// The texts of up to `limit` documents after `after`, oldest first.
pub async fn texts(
    connection: &mut Connection,
    tenant: &str,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Text>, Error> {
    let statement = sqlx::query_as(
        "SELECT id, title, body FROM documents WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(tenant)
    .bind(after)
    .bind(i64::from(limit));
    connection.all(statement).await
}

/// Stores `document` over the version before it; false when that is no longer the current one.
pub async fn replace(
    connection: &mut Connection,
    tenant: &str,
    document: &Document,
) -> Result<bool, Error> {
    let statement = sqlx::query(
        "UPDATE documents SET title = $1, body = $2, version = $3, updated_at = $4
         WHERE tenant = $5 AND id = $6 AND version = $3 - 1",
    )
    .bind(&document.title)
    .bind(&document.body)
    .bind(document.version)
    .bind(document.updated_at)
    .bind(tenant)
    .bind(document.id);
    Ok(connection.execute(statement).await? == 1)
}

/// Removes the document, of this version or of any; false when there was none.
pub async fn remove(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
    version: Option<i64>,
) -> Result<bool, Error> {
    let statement = sqlx::query(
        "DELETE FROM documents WHERE tenant = $1 AND id = $2 AND version = COALESCE($3, version)",
    )
    .bind(tenant)
    .bind(id)
    .bind(version);
    Ok(connection.execute(statement).await? == 1)
}

pub async fn usage(connection: &mut Connection, tenant: &str) -> Result<Usage, Error> {
    let statement = sqlx::query_as(
        "SELECT COUNT(*) AS documents,
                COALESCE(SUM(LENGTH(title) + LENGTH(body)), 0) AS characters
         FROM documents WHERE tenant = $1",
    )
    .bind(tenant);
    connection.one(statement).await
}
