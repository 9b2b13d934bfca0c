//! Answers that are given again, as rows, so that every instance has them. A question itself is not kept, only its
//! digest.

pub mod kept;
mod key;

use std::time::Duration;

use uuid::Uuid;

pub use self::{
    kept::Kept,
    key::{Asked, Digest, Key},
};
use super::{connection::Connection, dialect::now_ms, error::Error, millis};

/// Keeps the answer in the place of the one before it.
pub async fn keep(
    connection: &mut Connection,
    tenant: &str,
    key: &Key,
    answer: &Kept,
    time_to_live: Duration,
) -> Result<(), Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO answer_cache (id, tenant, scope, question, model, text, finish_reason, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, ",
        now_ms!(),
        " + $8)
         ON CONFLICT (scope, question) DO UPDATE SET
            id = excluded.id, model = excluded.model, text = excluded.text,
            finish_reason = excluded.finish_reason, expires_at = excluded.expires_at"
    ))
    .bind(Uuid::now_v7())
    .bind(tenant)
    .bind(key.scope.as_slice())
    .bind(key.question.as_slice())
    .bind(&answer.model)
    .bind(&answer.text)
    .bind(&answer.finish_reason)
    .bind(millis(time_to_live));
    connection.execute(statement).await.map(drop)
}
