//! Secrets of endpoints as they are stored, of all tenants, for whoever seals them anew.

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::data::{connection::Connection, database::Row, dialect::now_ms, error::Error};

/// What is stored of an endpoint's secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub endpoint: Uuid,
    pub secret: Vec<u8>,
    /// While it is good.
    pub previous_secret: Option<Vec<u8>>,
}

impl FromRow<'_, Row> for Sealed {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            endpoint: row.try_get("id")?,
            secret: row.try_get("secret")?,
            previous_secret: row.try_get("previous_secret")?,
        })
    }
}

/// The page of up to `limit` after the endpoint `after`.
pub async fn page(
    connection: &mut Connection,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Sealed>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT id, secret, CASE WHEN previous_until > ",
        now_ms!(),
        " THEN previous_secret END AS previous_secret
         FROM webhook_endpoints WHERE id > $1 ORDER BY id LIMIT $2"
    ))
    .bind(after)
    .bind(i64::from(limit));
    connection.all(statement).await
}

/// Puts `new` in the place of `old`; false where the endpoint was rotated or removed meanwhile.
pub async fn replace(
    connection: &mut Connection,
    old: &Sealed,
    new: &Sealed,
) -> Result<bool, Error> {
    let statement = sqlx::query(
        "UPDATE webhook_endpoints SET secret = $1, previous_secret = $2 WHERE id = $3 AND secret = $4",
    )
    .bind(&new.secret)
    .bind(&new.previous_secret)
    .bind(old.endpoint)
    .bind(&old.secret);
    Ok(connection.execute(statement).await? == 1)
}
