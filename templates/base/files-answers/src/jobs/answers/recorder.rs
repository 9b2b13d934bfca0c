//! Makes one answer to its end and has it written down, for as long as its lease is held.

use std::{
    mem,
    time::{Duration, Instant},
};

use http::HeaderMap;
use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::journal::{Held, Written};
use crate::{
    app::{
        answers::{Answer, durable, merged},
        state::App,
    },
    data::{
        answers::{self as rows, Lease, State, Stored, log},
        error::Error,
    },
    edge::{
        events::{Event, Source},
        problem::Problem,
    },
    jobs::transact,
    telemetry::propagation,
};

/// How often the end is tried to be written down; after that the end of the lease says it.
const TRIES: u32 = 3;

/// Between two tries to write.
const PAUSE: Duration = Duration::from_millis(250);

/// Events that wait to be written; after that the provider waits too.
const MOST_WAITING: usize = 1_024;

pub(super) struct Recorder {
    app: App,
    lease: Lease,
    /// The number of the last event.
    last: i64,
    held: Held,
}

impl Recorder {
    /// In a task of its own, which the process's end waits for.
    pub(super) fn start(app: &App, held: Held, source: Source<Answer>) {
        let recorder = Self {
            app: app.clone(),
            lease: held.lease(),
            last: 0,
            held,
        };
        app.lifecycle.spawn(recorder.run(source).instrument(span()));
    }

    async fn run(mut self, source: Source<Answer>) {
        let leaving = leaving(self.app.clone());
        let outcome = tokio::select! {
            outcome = self.make(source) => outcome,
            () = leaving => Some(Err(durable::interrupted("stopped"))),
        };
        if let Some(outcome) = outcome {
            // In a box, for which there is no room needed until then.
            Box::pin(self.end(outcome)).await;
        }
    }

    /// What it came to; none where the lease was lost.
    async fn make(&mut self, mut source: Source<Answer>) -> Option<Result<Answer, Problem>> {
        let renewal = self.app.config.answers.lease / 3;
        let mut events = Vec::new();
        loop {
            if events.is_empty() {
                // Nothing is written down too, now and then: that renews the lease.
                let batch = timeout(renewal, source.batch()).await;
                match batch {
                    Ok(batch) if batch.is_empty() => return source.outcome(),
                    batch => events = batch.unwrap_or_default(),
                }
            }
            let stored = self.numbered(merged(mem::take(&mut events)));
            if !meanwhile(self.write(&stored), &mut source, &mut events).await {
                let id = self.lease.id;
                tracing::warn!(%id, "the lease of an answer was lost: somebody has given it up");
                return None;
            }
        }
    }

    /// Whether the lease is still held afterwards. Tried for as long as it may be.
    async fn write(&self, events: &[Stored]) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < self.app.config.answers.lease {
            match self.app.journal.append(&self.app, self.lease, events).await {
                Written::Yes => return true,
                Written::LeaseLost => return false,
                Written::No => sleep(PAUSE).await,
            }
        }
        false
    }

    async fn end(mut self, outcome: Result<Answer, Problem>) {
        let (state, events, result) = match &outcome {
            Ok(answer) => (State::Succeeded, answer.end(), json(answer)),
            Err(problem) => {
                let error = Event::json("error", problem);
                (State::Failed, vec![error], json(problem))
            }
        };
        let events = self.numbered(events);
        for _ in 0..TRIES {
            match self.write_end(state, &events, &result).await {
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "an answer's end could not be written: {error}");
                }
            }
            sleep(PAUSE).await;
        }
        // Its readers look once more when it is not held any more.
        drop(self.held);
    }

    async fn write_end(
        &self,
        state: State,
        events: &[Stored],
        result: &str,
    ) -> Result<bool, Error> {
        let id = self.lease.id;
        let events: Vec<(Uuid, &Stored)> = events.iter().map(|event| (id, event)).collect();
        transact(&self.app, async |transaction| {
            if !rows::end(transaction, self.lease, state, result).await? {
                return Ok(false);
            }
            log::append(transaction, &events).await?;
            Ok(true)
        })
        .await
    }

    fn numbered(&mut self, events: Vec<Event>) -> Vec<Stored> {
        let number = |event: Event| {
            self.last += 1;
            Stored {
                number: self.last,
                name: event.name().to_owned(),
                data: event.data().to_owned(),
            }
        };
        events.into_iter().map(number).collect()
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

async fn leaving(app: App) {
    app.lifecycle.closed().await;
    sleep(app.config.answers.drain_timeout).await;
}

/// Waits for `writing`, and takes what the source makes in that time: the provider is not kept waiting.
async fn meanwhile(
    writing: impl Future<Output = bool>,
    source: &mut Source<Answer>,
    events: &mut Vec<Event>,
) -> bool {
    tokio::pin!(writing);
    let mut has_ended = false;
    loop {
        tokio::select! {
            is_held = &mut writing => return is_held,
            batch = source.batch(), if !has_ended && events.len() < MOST_WAITING => {
                has_ended = batch.is_empty();
                events.extend(batch);
            }
        }
    }
}

/// Part of the trace of the request that began it, and not of that request's span, which ends earlier.
fn span() -> Span {
    let mut headers = HeaderMap::new();
    propagation::inject(&mut headers);
    let span = tracing::info_span!(parent: None, "answer", otel.name = "make an answer");
    propagation::adopt(&span, &headers);
    span
}
