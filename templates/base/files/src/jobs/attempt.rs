//! One attempt at one job: it runs under its lease, its time limit and its tenant's wish to cancel.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, Span, field::Empty};

use super::{
    Done, Failure, Kind, Work, adopt, handler, process, reader, settlement::Settlement, writer,
};
use crate::{
    app::{context::Context, state::App},
    config::Isolation,
    data::{
        error::Error,
        jobs::{self, Claimed, Lease},
    },
    edge::deadline::Deadline,
    telemetry::{metrics, names::attribute},
};

/// How soon a wish to cancel, and a lost lease, are noticed.
const LOOK: Duration = Duration::from_secs(1);

/// How long a handler whose lease is gone may take to say that it has just ended.
const LAST_WORD: Duration = Duration::from_millis(200);

/// What ended the attempt.
pub(super) enum End {
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
            let end = self.end(claimed).await;
            let outcome = Settlement::new(&self.app, self.kind, self.lease, self.number)
                .of(&end)
                .await;
            self.span.record(attribute::JOB_OUTCOME, outcome);
            metrics::job_attempted(self.kind.name(), outcome, begun.elapsed());
        }
        .instrument(span)
        .await;
    }

    /// Whatever else ends it has told the handler to stop by then; one that does not heed it changes nothing any more,
    /// once the lease is gone.
    async fn end(&self, claimed: Claimed) -> End {
        let handler = self.handler(claimed);
        tokio::pin!(handler);
        tokio::select! {
            biased;
            outcome = &mut handler => self.end_of(outcome).await,
            end = self.watch() => match end {
                // It may have ended in the same moment, and its lease with it.
                End::LeaseLost => match timeout(LAST_WORD, &mut handler).await {
                    Ok(Ok(done)) => End::Handler(Ok(done)),
                    _ => End::LeaseLost,
                },
                end => end,
            },
        }
    }

    /// Runs the handler within its time.
    async fn handler(&self, claimed: Claimed) -> Result<Done, Failure> {
        let (app, kind, lease) = (&self.app, self.kind, self.lease);
        let limit = kind.time_limit();
        match app.config.jobs.isolation {
            Isolation::None => within(limit, here(app, kind, lease, claimed)).await,
            Isolation::Process => within(limit, process::run(app, kind, lease, claimed)).await,
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
        if renew && !jobs::renew(&mut writer(&self.app).await?, self.lease, length).await? {
            return Ok(None);
        }
        jobs::look(&mut reader(&self.app).await?, self.lease).await
    }

    async fn leaving(&self) {
        self.app.lifecycle.draining().await;
        sleep(self.app.config.jobs.drain_timeout).await;
    }
}

/// What does not end in time has failed, and is dropped: that stops it.
pub(super) async fn within<T>(
    limit: Duration,
    attempt: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(limit, attempt).await.unwrap_or_else(|_| {
        let limit = limit.as_secs();
        Err(Failure::Retry(format!("it did not end within {limit} s")))
    })
}

/// Runs the handler in this process.
pub(super) async fn here(
    app: &App,
    kind: Kind,
    lease: Lease,
    claimed: Claimed,
) -> Result<Done, Failure> {
    let deadline = Deadline::after(kind.time_limit());
    let context = Context::of_job(app, &claimed.tenant, claimed.id, deadline);
    let work = Work::new(context, lease, claimed.attempts);
    handler::run(app, kind, work, claimed.payload).await
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
    adopt(&span, claimed.traceparent.as_deref());
    span
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn what_does_not_end_in_time_has_failed() {
        let late = within::<()>(Duration::from_millis(20), pending()).await;
        let told = "it did not end within 0 s".to_owned();
        assert_eq!(late, Err(Failure::Retry(told)));
        let in_time = within(Duration::from_secs(60), async { Ok(1) }).await;
        assert_eq!(in_time, Ok(1));
    }
}
