//! Why a job did not succeed, which decides what becomes of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{data::error::Error, edge::problem::Problem};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Worth another try, after the backoff.
    Retry(String),
    /// Worth another try, and whoever refused said when.
    RetryAfter(Duration, String),
    /// The same again would fail again: dead at once.
    Permanent(String),
    /// The lease was lost, so another worker may be at it, or nobody wants the job any more. What was done is
    /// rolled back.
    TakenAway,
}

/// The job's owner reads it, so it says no more than a request would be told; the cause is logged here.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let told = match &error {
            Error::Busy | Error::Deadline => error.to_string(),
            Error::Unavailable(_) => "the database is unavailable".to_owned(),
            Error::Other(_) => "a fault of ours".to_owned(),
        };
        tracing::warn!(%error, "a job met the database's error: {error}");
        Self::Retry(told)
    }
}

/// What a request would be told: refusals stay refused, the rest may pass.
impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let text = problem.detail.clone().unwrap_or(problem.title.clone());
        let status = problem.status();
        let may_pass = matches!(status.as_u16(), 408 | 409 | 425 | 429) || status.is_server_error();
        match problem.wait() {
            Some(wait) if may_pass => Self::RetryAfter(wait, text),
            None if may_pass => Self::Retry(text),
            _ => Self::Permanent(text),
        }
    }
}
