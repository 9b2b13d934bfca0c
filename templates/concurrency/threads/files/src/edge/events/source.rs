//! Work on its way, and the events that it makes. It has a thread of its own, which waits while the reader is behind,
//! and is stopped when whoever takes the events is gone.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use tokio::sync::mpsc;

use super::{BUFFER, Event, response};
use crate::{
    app::state::App,
    edge::{overload::RETRY_AFTER, problem::Problem},
    telemetry::metrics,
    threads::{self, Broken, Running, wait},
};

/// Events that are taken at once.
const LARGEST_BATCH: usize = 256;

/// Where the work writes its events.
pub struct Events(mpsc::Sender<Event>);

impl Events {
    /// For work whose outcome alone matters.
    pub fn unheard() -> Self {
        Self(mpsc::channel(1).0)
    }

    /// Waits while the reader is behind.
    pub fn send(&self, event: Event) {
        // It is stopped together with whatever reads it, so there is nobody to be told.
        wait(self.0.send(event)).ok();
    }
}

/// Work on its way, and the events that it makes.
pub struct Source<T> {
    /// None once it has ended; its last events may still be there.
    work: Option<Work<T>>,
    events: mpsc::Receiver<Event>,
    /// Taken already, and not given yet.
    first: Option<Event>,
    outcome: Option<Result<T, Problem>>,
}

enum Work<T> {
    /// It begins with the first look at it.
    Due(Box<dyn FnOnce() -> Running<Result<T, Problem>> + Send>),
    Begun(Running<Result<T, Problem>>),
}

impl<T: Send + 'static> Source<T> {
    /// Takes one of the threads for streams. The work begins with the first look at it. For handlers.
    pub fn new<F>(work: F) -> Self
    where
        F: FnOnce(Events) -> Result<T, Problem> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(BUFFER);
        let place = place();
        let due = |place: threads::Place| -> Box<dyn FnOnce() -> _ + Send> {
            Box::new(move || place.begin(move || work(Events(sender))))
        };
        let (work, outcome) = match place {
            Ok(place) => (Some(Work::Due(due(place))), None),
            Err(problem) => (None, Some(Err(problem))),
        };
        Self {
            work,
            events,
            first: None,
            outcome,
        }
    }

    /// Returns once the first event is there. Nothing has been answered before that, so a failure until then is
    /// an answer of its own, with its own status.
    pub fn begun(mut self) -> Result<Self, Problem> {
        self.first = wait(self.next());
        self.or_failure()
    }

    /// The next event; none once the work has ended and all are taken.
    pub async fn next(&mut self) -> Option<Event> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        self.begin();
        let event = self.events.recv().await;
        if event.is_none() {
            self.end().await;
        }
        event
    }

    /// The next event and those that are there with it; empty once the work has ended and all are taken.
    pub async fn batch(&mut self) -> Vec<Event> {
        let mut batch: Vec<Event> = self.next().await.into_iter().collect();
        if !batch.is_empty() {
            let more = std::iter::from_fn(|| self.events.try_recv().ok());
            batch.extend(more.take(LARGEST_BATCH - 1));
        }
        batch
    }

    /// What the work failed with, once `next` gives none.
    pub(super) fn problem(&self) -> Option<&Problem> {
        self.outcome.as_ref()?.as_ref().err()
    }

    /// What the work came to, once `next` gives none.
    pub fn outcome(self) -> Option<Result<T, Problem>> {
        self.outcome
    }

    /// The answer whose events these are; it ends when the work does, with an `error` where the work failed, or
    /// with `shutdown` once the process has stopped accepting for `drain`.
    pub fn response(self, app: &App, drain: Duration) -> Response {
        match self.or_failure() {
            Ok(source) => response::of(source, app, drain),
            Err(problem) => problem.into_response(),
        }
    }

    /// What failed before its first event.
    fn or_failure(self) -> Result<Self, Problem> {
        match self.outcome {
            Some(Err(problem)) if self.first.is_none() => Err(problem),
            outcome => Ok(Self { outcome, ..self }),
        }
    }

    fn begin(&mut self) {
        self.work = self.work.take().map(|work| match work {
            Work::Due(begin) => Work::Begun(begin()),
            begun @ Work::Begun(_) => begun,
        });
    }

    async fn end(&mut self) {
        let Some(Work::Begun(work)) = &mut self.work else {
            return;
        };
        let outcome = match work.await {
            Ok(outcome) => outcome,
            Err(Broken::Panicked(_)) => {
                metrics::panicked();
                Err(Problem::internal(&"what makes a stream panicked"))
            }
            Err(Broken::NoThread(error)) => {
                tracing::error!(%error, "no thread could be made: {error}");
                Err(no_room())
            }
            Err(Broken::Stopped) => Err(Problem::internal(&"what makes a stream was stopped")),
        };
        self.outcome = Some(outcome);
        self.work = None;
    }
}

fn place() -> Result<threads::Place, Problem> {
    let Some(pool) = threads::streams() else {
        return Err(Problem::internal(&"a stream is begun outside of a handler"));
    };
    wait(pool.enter()).ok_or_else(no_room)
}

fn no_room() -> Problem {
    metrics::shed("stream");
    Problem::overloaded("overloaded", RETRY_AFTER)
}

/// What tests take their events from.
#[cfg(test)]
pub(super) mod samples {
    use tokio::sync::oneshot::{Receiver, Sender, channel};

    use super::*;
    use crate::threads::on_a_thread;

    /// Tells these events, and ends.
    pub(in crate::edge::events) async fn told<T: Send + 'static>(
        told: Vec<Event>,
        outcome: Result<T, Problem>,
    ) -> Source<T> {
        made(|events| {
            for event in told {
                events.send(event);
            }
            outcome
        })
        .await
    }

    /// Tells nothing, and never ends by itself; the receiver hears of its end.
    pub(in crate::edge::events) async fn silent() -> (Source<()>, Receiver<()>) {
        let (working, stopped) = channel();
        let work = |events| {
            wait(std::future::pending::<()>());
            drop((working, events));
            Ok(())
        };
        (made(work).await, stopped)
    }

    /// Tells more than anybody reads.
    pub(in crate::edge::events) async fn endless() -> (Source<()>, Receiver<()>) {
        let (working, stopped) = channel();
        let work = |events: Events| {
            let _working: Sender<()> = working;
            loop {
                events.send(Event::json("more", &1));
            }
        };
        (made(work).await, stopped)
    }

    pub(super) async fn made<T: Send + 'static>(
        work: impl FnOnce(Events) -> Result<T, Problem> + Send + 'static,
    ) -> Source<T> {
        on_a_thread(|| Source::new(work)).await
    }
}

#[cfg(test)]
mod tests {
    use super::{
        samples::{made, silent, told},
        *,
    };
    use crate::threads::on_a_thread;

    #[tokio::test]
    async fn what_fails_before_the_first_event_is_no_stream() {
        let source: Source<()> = told(Vec::new(), Err(Problem::not_found())).await;
        let begun = on_a_thread(|| source.begun()).await;
        assert_eq!(begun.err().expect("a problem").status, 404);
    }

    #[tokio::test]
    async fn what_fails_after_it_is_one_that_has_begun() {
        let first = Event::json("first", &1);
        let source: Source<()> = told(vec![first.clone()], Err(Problem::not_found())).await;
        let begun = on_a_thread(|| source.begun()).await;
        let mut source = begun.expect("an event");
        assert_eq!(source.next().await, Some(first));
        assert_eq!(source.next().await, None);
        assert!(matches!(source.outcome(), Some(Err(problem)) if problem.status == 404));
    }

    #[tokio::test]
    async fn a_batch_is_what_is_there() {
        let (go_on, waits) = tokio::sync::oneshot::channel();
        let (tells, told) = tokio::sync::oneshot::channel();
        let source = made(|events| {
            for n in 0..2 {
                events.send(Event::json("early", &n));
            }
            tells.send(()).ok();
            wait(waits).ok();
            events.send(Event::json("late", &2));
            Ok(3)
        })
        .await;
        let begun = on_a_thread(|| source.begun()).await;
        let mut source = begun.expect("an event");
        told.await.expect("two events");
        assert_eq!(source.batch().await.len(), 2);
        go_on.send(()).expect("it waits");
        assert_eq!(source.batch().await, [Event::json("late", &2)]);
        assert!(source.batch().await.is_empty());
        assert!(matches!(source.outcome(), Some(Ok(3))));
    }

    #[tokio::test]
    async fn work_that_panics_has_failed() {
        let mut source: Source<()> = made(|_| panic!("on purpose")).await;
        assert_eq!(source.next().await, None);
        assert!(matches!(source.outcome(), Some(Err(problem)) if problem.status == 500));
    }

    /// There are threads for two.
    #[tokio::test]
    async fn a_stream_that_finds_no_thread_is_told_so() {
        let statuses = on_a_thread(|| {
            let work = |_: Events| -> Result<(), Problem> {
                wait(std::future::pending::<()>());
                Ok(())
            };
            let held = [Source::new(work), Source::new(work)];
            let refused = Source::new(work).begun();
            drop(held);
            refused.err().map(|problem| problem.status)
        })
        .await;
        assert_eq!(statuses, Some(503));
    }

    #[tokio::test]
    async fn whoever_drops_it_stops_the_work() {
        let (mut source, stopped) = silent().await;
        let waiting = tokio::time::timeout(Duration::from_millis(20), source.next());
        waiting.await.expect_err("it is silent");
        drop(source);
        stopped.await.expect_err("the work is stopped");
    }
}
