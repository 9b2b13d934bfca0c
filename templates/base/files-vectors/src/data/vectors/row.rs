//! What a chunk is: as it is stored, and as it is found.

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::data::database::Row;

/// What made an embedding. Two can be compared only if both are of the same model and the same length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space<'a> {
    pub model: &'a str,
    pub dimensions: u32,
}

/// A part of a document, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk<'a> {
    pub text: &'a str,
    pub embedding: Vec<f32>,
}

/// A part of a document, as it is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    pub document: Uuid,
    pub version: i64,
    pub title: String,
    pub text: String,
    /// The cosine distance: 0 where both mean the same, 1 where they have nothing in common.
    pub distance: f64,
}

/// Which documents want to be embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that have no chunks of the model, and no job that sees to it. One whose job is dead waits for somebody
    /// to look at that.
    Forgotten,
    /// Those that have a job, too: one that is dead is done again.
    Missing,
    All,
}

/// The key of the job that embeds a document: there is one at a time.
pub fn job_key(document: Uuid) -> String {
    document.simple().to_string()
}

/// A document, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    pub document: Uuid,
    pub tenant: String,
}

impl FromRow<'_, Row> for Near {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            document: row.try_get("document")?,
            version: row.try_get("version")?,
            title: row.try_get("title")?,
            text: row.try_get("text")?,
            distance: row.try_get("distance")?,
        })
    }
}

impl FromRow<'_, Row> for Owned {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            document: row.try_get("id")?,
            tenant: row.try_get("tenant")?,
        })
    }
}
