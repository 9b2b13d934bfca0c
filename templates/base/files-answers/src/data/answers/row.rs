//! What is read of a durable answer.

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::data::{database::Row, error::Error};

/// Where a durable answer stands. The last two are ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Succeeded,
    Failed,
}

impl State {
    const ALL: [Self; 3] = [Self::Running, Self::Succeeded, Self::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    fn named(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|state| state.name() == name);
        known.ok_or_else(|| {
            Error::Other(sqlx::Error::Decode(
                format!("{name:?} is no state of an answer").into(),
            ))
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub id: Uuid,
    pub state: State,
    /// JSON: the answer, or the problem that it failed with.
    pub result: Option<String>,
    /// Milliseconds since 1970, as all times here.
    pub created_at: i64,
    pub finished_at: Option<i64>,
    /// How long whoever makes it is believed to live, in milliseconds.
    pub lease_left: Option<i64>,
}

impl Answer {
    /// Nobody makes it any more, and nobody has said so yet.
    pub fn is_orphan(&self) -> bool {
        self.state == State::Running && self.lease_left.is_none_or(|left| left <= 0)
    }
}

impl FromRow<'_, Row> for Answer {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        let state: String = row.try_get("state")?;
        Ok(Self {
            id: row.try_get("id")?,
            state: State::named(&state).map_err(|error| sqlx::Error::Decode(error.into()))?,
            result: row.try_get("result")?,
            created_at: row.try_get("created_at")?,
            finished_at: row.try_get("finished_at")?,
            lease_left: row.try_get("lease_left")?,
        })
    }
}

/// An event that was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// 1, 2, 3 and so on.
    pub number: i64,
    pub name: String,
    /// JSON.
    pub data: String,
}

impl FromRow<'_, Row> for Stored {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            number: row.try_get("number")?,
            name: row.try_get("name")?,
            data: row.try_get("data")?,
        })
    }
}
