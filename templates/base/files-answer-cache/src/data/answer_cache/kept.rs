//! Answers that are kept, whichever questions they are given to.

use sqlx::{FromRow, Row as _};

use super::Key;
use crate::data::{connection::Connection, database::Row, dialect::now_ms, error::Error};

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Who gave it.
    pub model: String,
    pub text: String,
    /// As the provider called it.
    pub finish_reason: Option<String>,
}

impl FromRow<'_, Row> for Kept {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            model: row.try_get("model")?,
            text: row.try_get("text")?,
            finish_reason: row.try_get("finish_reason")?,
        })
    }
}

/// The answer to the same question, whoever of the tenant asked it.
pub async fn find(
    connection: &mut Connection,
    tenant: &str,
    key: &Key,
) -> Result<Option<Kept>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT model, text, finish_reason FROM answer_cache
         WHERE tenant = $1 AND scope = $2 AND question = $3 AND expires_at > ",
        now_ms!()
    ))
    .bind(tenant)
    .bind(key.scope.as_slice())
    .bind(key.question.as_slice());
    connection.optional(statement).await
}

/// Removes all but the newest `entries` of the tenant.
pub async fn trim(connection: &mut Connection, tenant: &str, entries: u32) -> Result<(), Error> {
    let statement = sqlx::query(
        "DELETE FROM answer_cache WHERE tenant = $1 AND id <=
            (SELECT id FROM answer_cache WHERE tenant = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
    )
    .bind(tenant)
    .bind(i64::from(entries));
    connection.execute(statement).await.map(drop)
}

/// Removes up to `limit` answers whose time is over, and says how many.
pub async fn purge(connection: &mut Connection, limit: u32) -> Result<u64, Error> {
    let statement = sqlx::query(concat!(
        "DELETE FROM answer_cache WHERE id IN
            (SELECT id FROM answer_cache WHERE expires_at <= ",
        now_ms!(),
        " LIMIT $1)"
    ))
    .bind(i64::from(limit));
    connection.execute(statement).await
}
