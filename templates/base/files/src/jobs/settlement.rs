//! Writes down what became of an attempt, and tells of it once.

use std::time::Duration;

use tokio::time::sleep;

use super::{Failure, Kind, attempt::End, transact, webhooks};
use crate::{
    app::state::App,
    data::{
        connection::Connection,
        error::Error,
        jobs::{self, Lease, State},
    },
};

/// How often it is tried, and how long after each other. After that the end of the lease says it.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Settlement<'a> {
    app: &'a App,
    kind: Kind,
    lease: Lease,
    /// Of the attempt, the first being 1.
    number: i64,
}

impl<'a> Settlement<'a> {
    pub(super) fn new(app: &'a App, kind: Kind, lease: Lease, number: i64) -> Self {
        Self {
            app,
            kind,
            lease,
            number,
        }
    }

    /// What the attempt has come to, as metrics name it.
    pub(super) async fn of(&self, end: &End) -> &'static str {
        for _ in 0..TRIES {
            match self.write(end).await {
                Ok(state) => return self.tell(end, state),
                Err(error) => tracing::warn!(%error, "the job's end could not be written: {error}"),
            }
            sleep(PAUSE).await;
        }
        "unknown"
    }

    /// What the job is now; none when it was not ours any more. Whoever wants to know of its end is told in the
    /// same transaction.
    async fn write(&self, end: &End) -> Result<Option<State>, Error> {
        let verdict = match end {
            // That was written with its effect.
            End::Handler(Ok(_)) => return Ok(Some(State::Succeeded)),
            End::Handler(Err(Failure::TakenAway)) | End::LeaseLost => return Ok(None),
            End::Leaving => Verdict::GiveBack,
            End::Cancelled => Verdict::End(State::Cancelled, None),
            End::Handler(Err(Failure::Permanent(error))) => Verdict::End(State::Dead, Some(error)),
            End::Handler(Err(Failure::RetryAfter(asked, error))) => {
                let wait = self.kind.backoff().after_at_least(self.number, *asked);
                Verdict::Fail(wait, error)
            }
            End::Handler(Err(Failure::Retry(error))) => {
                Verdict::Fail(self.kind.backoff().after(self.number), error)
            }
        };
        let (state, is_told) = transact(self.app, async |transaction| {
            let state = verdict.write(transaction, self.lease).await?;
            let has_ended = state.is_some_and(State::is_end);
            let is_told = has_ended && webhooks::ended(transaction, self.lease.id).await?;
            Ok((state, is_told))
        })
        .await?;
        if is_told {
            self.app.news.publish(Kind::Webhook);
        }
        Ok(state)
    }

    fn tell(&self, end: &End, state: Option<State>) -> &'static str {
        let (kind, number) = (self.kind.name(), self.number);
        let error = match end {
            End::Handler(Err(
                Failure::Retry(error) | Failure::RetryAfter(_, error) | Failure::Permanent(error),
            )) => error,
            _ => "",
        };
        match (state, end) {
            (Some(State::Succeeded), _) => {
                tracing::info!(kind, number, "{kind} succeeded");
                "succeeded"
            }
            (Some(State::Cancelled), _) => {
                tracing::info!(kind, number, "{kind} was cancelled");
                "cancelled"
            }
            (Some(State::Dead), _) => {
                tracing::error!(kind, number, error, "{kind} is dead: {error}");
                "dead"
            }
            (Some(_), End::Leaving) => {
                tracing::info!(
                    kind,
                    number,
                    "{kind} was given back: this worker is leaving"
                );
                "given_back"
            }
            (Some(_), _) => {
                tracing::warn!(
                    kind,
                    number,
                    error,
                    "{kind} failed and is tried again: {error}"
                );
                "retried"
            }
            (None, _) => {
                tracing::warn!(
                    kind,
                    number,
                    "the lease was lost: another worker may be at it"
                );
                "lost"
            }
        }
    }
}

/// What is written of an attempt that did not succeed.
enum Verdict<'a> {
    GiveBack,
    End(State, Option<&'a str>),
    Fail(Duration, &'a str),
}

impl Verdict<'_> {
    async fn write(
        &self,
        connection: &mut Connection,
        lease: Lease,
    ) -> Result<Option<State>, Error> {
        match *self {
            Self::GiveBack => jobs::give_back(connection, lease).await,
            Self::End(state, error) => jobs::end(connection, lease, state, error).await,
            Self::Fail(delay, error) => jobs::fail(connection, lease, error, delay).await,
        }
    }
}
