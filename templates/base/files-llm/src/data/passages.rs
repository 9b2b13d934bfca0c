//! Passages of documents, as an answer draws on them.

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{connection::Connection, database::Row, error::Error};

/// How many documents can be named at once.
pub const MOST_NAMED: usize = 8;

/// A text, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    pub document: Uuid,
    pub version: i64,
    pub title: String,
    pub text: String,
}

impl FromRow<'_, Row> for Passage {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            document: row.try_get("id")?,
            version: row.try_get("version")?,
            title: row.try_get("title")?,
            text: row.try_get("text")?,
        })
    }
}

/// The first `longest` characters of those of these documents that the tenant has. More than `MOST_NAMED` are not
/// looked at.
pub async fn named(
    connection: &mut Connection,
    tenant: &str,
    named: &[Uuid],
    longest: u32,
) -> Result<Vec<Passage>, Error> {
    let statement = sqlx::query_as(
        "SELECT id, version, title, SUBSTR(body, 1, CAST($1 AS INTEGER)) AS text
         FROM documents WHERE tenant = $2 AND id IN ($3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(i64::from(longest))
    .bind(tenant);
    // The places that are left over name nobody.
    let ids = (0..MOST_NAMED).map(|place| named.get(place).copied().unwrap_or_default());
    let statement = ids.fold(statement, |statement, id| statement.bind(id));
    connection.all(statement).await
}
