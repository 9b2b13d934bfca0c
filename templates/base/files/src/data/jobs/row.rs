//! What is read of a job.

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::data::{database::Row, error::Error};

/// Where a job stands. The last three are ends; only a redrive leads out of `Dead`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Queued,
    Running,
    Succeeded,
    /// Out of attempts, or hopeless from the start: somebody must look at it.
    Dead,
    Cancelled,
}

impl State {
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Dead,
        Self::Cancelled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Dead | Self::Cancelled)
    }

    pub(in crate::data) fn named(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|state| state.name() == name);
        known.ok_or_else(|| {
            Error::Other(sqlx::Error::Decode(
                format!("{name:?} is no state of a job").into(),
            ))
        })
    }
}

/// A job as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: Uuid,
    pub tenant: String,
    pub kind: String,
    pub state: State,
    pub attempts: i64,
    pub max_attempts: i64,
    /// Grows by 1 with each change.
    pub version: i64,
    /// Percent.
    pub progress: i64,
    /// JSON.
    pub result: Option<String>,
    pub last_error: Option<String>,
    pub is_cancelled: bool,
    /// Milliseconds since 1970, as all times here.
    pub run_at: i64,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
}

impl FromRow<'_, Row> for Job {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let state: String = row.try_get("state")?;
        Ok(Self {
            id: row.try_get("id")?,
            tenant: row.try_get("tenant")?,
            kind: row.try_get("kind")?,
            state: State::named(&state).map_err(|error| sqlx::Error::Decode(error.into()))?,
            attempts: row.try_get("attempts")?,
            max_attempts: row.try_get("max_attempts")?,
            version: row.try_get("version")?,
            progress: row.try_get("progress")?,
            result: row.try_get("result")?,
            last_error: row.try_get("last_error")?,
            is_cancelled: row.try_get("is_cancelled")?,
            run_at: row.try_get("run_at")?,
            created_at: row.try_get("created_at")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
        })
    }
}

/// A job that was just claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    pub id: Uuid,
    pub tenant: String,
    /// JSON.
    pub payload: String,
    /// This one included.
    pub attempts: i64,
    pub traceparent: Option<String>,
    /// How long it was due before, in milliseconds.
    pub waited: i64,
}

impl FromRow<'_, Row> for Claimed {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            tenant: row.try_get("tenant")?,
            payload: row.try_get("payload")?,
            attempts: row.try_get("attempts")?,
            traceparent: row.try_get("traceparent")?,
            waited: row.try_get("waited")?,
        })
    }
}
