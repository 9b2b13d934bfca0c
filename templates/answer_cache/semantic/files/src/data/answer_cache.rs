//! Answers that are given again, as rows, so that every instance has them. A question itself is not kept, only its
//! digest and its embedding.

pub mod kept;
mod key;
mod vector;

use std::time::Duration;

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

pub use self::{
    kept::Kept,
    key::{Asked, Digest, Key},
    vector::likeness,
};
use super::{connection::Connection, database::Row, dialect::now_ms, error::Error, millis};

/// What a question means.
#[derive(Clone, Debug, PartialEq)]
pub struct Meaning {
    pub vector: Vec<f32>,
    /// Vectors of different models cannot be compared.
    pub model: String,
}

/// A question that was answered, and where its answer is.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub id: Uuid,
    pub meaning: Meaning,
}

/// Whose questions a question may be compared with.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub tenant: &'a str,
    pub subject: &'a str,
}

impl FromRow<'_, Row> for Candidate {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let bytes: Vec<u8> = row.try_get("embedding")?;
        Ok(Self {
            id: row.try_get("id")?,
            meaning: Meaning {
                vector: vector::read(&bytes),
                model: row.try_get("embedding_model")?,
            },
        })
    }
}

/// The newest questions that differ from this one in nothing but their words, and that the same caller asked.
pub async fn candidates(
    connection: &mut Connection,
    asker: Asker<'_>,
    key: &Key,
    limit: u32,
) -> Result<Vec<Candidate>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT id, embedding, embedding_model FROM answer_cache
         WHERE tenant = $1 AND scope = $2 AND subject = $3 AND embedding IS NOT NULL AND expires_at > ",
        now_ms!(),
        " ORDER BY id DESC LIMIT $4"
    ))
    .bind(asker.tenant)
    .bind(key.scope.as_slice())
    .bind(asker.subject)
    .bind(i64::from(limit));
    connection.all(statement).await
}

/// The answer of a candidate, if it is still there.
pub async fn of_candidate(
    connection: &mut Connection,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Kept>, Error> {
    let statement = sqlx::query_as(
        "SELECT model, text, finish_reason FROM answer_cache WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant)
    .bind(id);
    connection.optional(statement).await
}

/// Keeps the answer in the place of the one before it. Without its meaning it is found by the same words only.
pub async fn keep(
    connection: &mut Connection,
    asker: Asker<'_>,
    key: &Key,
    meaning: Option<&Meaning>,
    answer: &Kept,
    time_to_live: Duration,
) -> Result<(), Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO answer_cache (id, tenant, subject, scope, question, embedding, embedding_model,
            model, text, finish_reason, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, ",
        now_ms!(),
        " + $11)
         ON CONFLICT (scope, question) DO UPDATE SET
            id = excluded.id, subject = excluded.subject, embedding = excluded.embedding,
            embedding_model = excluded.embedding_model, model = excluded.model, text = excluded.text,
            finish_reason = excluded.finish_reason, expires_at = excluded.expires_at"
    ))
    .bind(Uuid::now_v7())
    .bind(asker.tenant)
    .bind(asker.subject)
    .bind(key.scope.as_slice())
    .bind(key.question.as_slice())
    .bind(meaning.map(|meaning| vector::write(&meaning.vector)))
    .bind(meaning.map(|meaning| meaning.model.as_str()))
    .bind(&answer.model)
    .bind(&answer.text)
    .bind(&answer.finish_reason)
    .bind(millis(time_to_live));
    connection.execute(statement).await.map(drop)
}
