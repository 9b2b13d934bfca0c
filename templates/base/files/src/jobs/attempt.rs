//! One attempt at one job: it runs under its lease, its time limit and its tenant's wish to cancel, and
//! whatever becomes of it is written down.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument as _, Span, field::Empty};

use super::{Done, Failure, Kind, Work, backoff};
use crate::{
    app::{context::Context, state::App},
    data::{
        connection::Connection,
        error::Error,
        jobs::{self, Claimed, Lease, State},
        meter::Meter,
    },
    edge::deadline::Deadline,
    telemetry::{metrics, names::attribute, propagation},
};

/// How soon a wish to cancel, and a lost lease, are noticed.
const LOOK: Duration = Duration::from_secs(1);

/// The longest wait for the database when something is written down.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is tried to write down what became of a job. After that its lease says so.
const TRIES: u32 = 3;

/// What ended the attempt.
enum End {
    Handler(Result<Done, Failure>),
    Cancelled,
    LeaseLost,
    /// This worker is leaving.
    Leaving,
}

pub(super) struct Attempt {
    app: App,
    kind: Kind,
    lease: Lease,
    number: i64,
    span: Span,
}

impl Attempt {
    pub(super) fn new(app: App, kind: Kind, lease: Lease, claimed: &Claimed) -> Self {
        let span = span(kind, claimed);
        Self {
            app,
            kind,
            lease,
            number: claimed.attempts,
            span,
        }
    }

    /// Runs the handler to whatever ends it.
    pub(super) async fn run(self, claimed: Claimed) {
        let begun = Instant::now();
        let span = self.span.clone();
        async {
            let end = tokio::select! {
                outcome = self.handler(claimed) => self.end_of(outcome).await,
                end = self.watch() => end,
            };
            let outcome = self.settle(end).await;
            self.span.record(attribute::JOB_OUTCOME, outcome);
            metrics::job_attempted(self.kind.name(), outcome, begun.elapsed());
        }
        .instrument(span)
        .await;
    }

    /// In a task of its own: a panic there must end the attempt, not the worker.
    async fn handler(&self, claimed: Claimed) -> Result<Done, Failure> {
        let limit = self.kind.time_limit();
        let context = Context::of_job(
            &self.app,
            &claimed.tenant,
            claimed.id,
            Deadline::after(limit),
        );
        let (kind, mut work) = (self.kind, Work::new(context, self.lease));
        let work = async move { kind.run(&mut work, &claimed.payload).await };
        let task = self.app.lifecycle.spawn(work.in_current_span());
        match timeout(limit, AbortOnDropHandle::new(task)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) if error.is_panic() => {
                metrics::panicked();
                Err(Failure::Retry("its handler panicked".to_owned()))
            }
            Ok(Err(error)) => Err(Failure::Retry(error.to_string())),
            Err(_) => Err(Failure::Retry(format!(
                "it did not end within {} s",
                limit.as_secs()
            ))),
        }
    }

    /// A job that was taken away from its handler was either cancelled or lost.
    async fn end_of(&self, outcome: Result<Done, Failure>) -> End {
        if outcome
            .as_ref()
            .is_err_and(|failure| *failure == Failure::TakenAway)
        {
            return match self.look(false).await {
                Ok(Some(true)) => End::Cancelled,
                _ => End::LeaseLost,
            };
        }
        End::Handler(outcome)
    }

    /// Keeps the lease, and ends when the attempt must.
    async fn watch(&self) -> End {
        let length = self.app.config.jobs.lease;
        let mut held_since = Instant::now();
        let leaving = self.leaving();
        tokio::pin!(leaving);
        loop {
            tokio::select! {
                () = &mut leaving => return End::Leaving,
                () = sleep(LOOK.min(length / 3)) => {}
            }
            let asked = Instant::now();
            let is_due = held_since.elapsed() >= length / 3;
            match self.look(is_due).await {
                Ok(Some(true)) => return End::Cancelled,
                Ok(Some(false)) if is_due => held_since = asked,
                Ok(Some(false)) => {}
                Ok(None) => return End::LeaseLost,
                // Others take it for dead by now, and they are right.
                Err(_) if held_since.elapsed() >= length => return End::LeaseLost,
                Err(error) => tracing::warn!(%error, "the lease could not be looked at: {error}"),
            }
        }
    }

    /// Whether the job is to be cancelled; none when the lease is lost.
    async fn look(&self, renew: bool) -> Result<Option<bool>, Error> {
        let length = self.app.config.jobs.lease;
        if renew && !jobs::renew(&mut self.write().await?, self.lease, length).await? {
            return Ok(None);
        }
        let deadline = Deadline::after(PATIENCE);
        let mut connection = self.app.database.read(deadline, &Meter::default()).await?;
        jobs::look(&mut connection, self.lease).await
    }

    async fn leaving(&self) {
        self.app.lifecycle.draining().await;
        sleep(self.app.config.jobs.drain_timeout).await;
    }

    async fn settle(&self, end: End) -> &'static str {
        for _ in 0..TRIES {
            match self.write_down(&end).await {
                Ok(outcome) => return outcome,
                Err(error) => tracing::warn!(%error, "the job's end could not be written: {error}"),
            }
        }
        "unknown"
    }

    /// Gives what it has come to, as metrics name it.
    async fn write_down(&self, end: &End) -> Result<&'static str, Error> {
        let lease = self.lease;
        match end {
            End::Handler(Ok(_)) => Ok("succeeded"),
            End::Handler(Err(Failure::Retry(error))) => {
                self.failed(error, backoff::after(self.number)).await
            }
            End::Handler(Err(Failure::RetryAfter(delay, error))) => {
                self.failed(error, *delay).await
            }
            End::Handler(Err(Failure::Permanent(error))) => {
                let mut connection = self.write().await?;
                let is_ours = jobs::end(&mut connection, lease, State::Dead, Some(error)).await?;
                tracing::error!(error, "the job is dead: {error}");
                Ok(if is_ours { "dead" } else { "lost" })
            }
            End::Cancelled => {
                let mut connection = self.write().await?;
                let is_ours = jobs::end(&mut connection, lease, State::Cancelled, None).await?;
                Ok(if is_ours { "cancelled" } else { "lost" })
            }
            End::Leaving => {
                let is_ours = jobs::give_back(&mut self.write().await?, lease).await?;
                Ok(if is_ours { "given_back" } else { "lost" })
            }
            End::Handler(Err(Failure::TakenAway)) | End::LeaseLost => {
                tracing::warn!("the lease was lost: another worker may be at it");
                Ok("lost")
            }
        }
    }

    async fn failed(&self, error: &str, delay: Duration) -> Result<&'static str, Error> {
        let became = jobs::fail(&mut self.write().await?, self.lease, error, delay).await?;
        match became {
            Some(State::Dead) => {
                tracing::error!(error, "the job is dead after its last attempt: {error}");
                Ok("dead")
            }
            Some(_) => {
                let delay_s = delay.as_secs_f64();
                tracing::warn!(error, delay_s, "the job failed and is tried again: {error}");
                Ok("retried")
            }
            None => Ok("lost"),
        }
    }

    async fn write(&self) -> Result<Connection, Error> {
        let deadline = Deadline::after(PATIENCE);
        self.app.database.write(deadline, &Meter::default()).await
    }
}

/// Part of the trace of whoever asked for the job.
fn span(kind: Kind, claimed: &Claimed) -> Span {
    let span = tracing::info_span!(
        "job",
        otel.name = format!("process {}", kind.name()),
        otel.kind = "consumer",
        { attribute::JOB_KIND } = kind.name(),
        { attribute::JOB_ID } = %claimed.id,
        { attribute::JOB_ATTEMPT } = claimed.attempts,
        { attribute::JOB_OUTCOME } = Empty,
    );
    let traceparent = claimed.traceparent.as_deref();
    if let Some(value) = traceparent.and_then(|text| HeaderValue::from_str(text).ok()) {
        let headers = HeaderMap::from_iter([(propagation::TRACEPARENT, value)]);
        propagation::adopt(&span, &headers);
    }
    span
}
