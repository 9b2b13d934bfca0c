//! Work on its way, and the events that it makes. It is a future, which whoever takes the events drives on.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::response::Response;
use tokio::sync::mpsc;

use super::{BUFFER, Event, response};
use crate::{
    app::state::App,
    edge::{problem::Problem, stall},
};

/// Events that are taken at once.
const LARGEST_BATCH: usize = 256;

/// Where the work writes its events. In boxes: a channel has room for 32 of what it carries from the first one on.
pub struct Events(mpsc::Sender<Box<Event>>);

impl Events {
    /// For work whose outcome alone matters.
    pub fn unheard() -> Self {
        Self(mpsc::channel(1).0)
    }

    /// Waits while the reader is behind.
    pub async fn send(&self, event: Event) {
        // It is dropped together with whatever reads it, so there is nobody to be told.
        self.0.send(Box::new(event)).await.ok();
    }
}

/// Work on its way, and the events that it makes.
pub struct Source<T> {
    work: Pin<Box<dyn Future<Output = Result<T, Problem>> + Send>>,
    events: mpsc::Receiver<Box<Event>>,
    /// Taken already, and not given yet.
    first: Option<Event>,
    /// None while the work goes on; its last events may still be there.
    outcome: Option<Result<T, Problem>>,
}

impl<T: 'static> Source<T> {
    pub fn new<F>(work: impl FnOnce(Events) -> F) -> Self
    where
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(BUFFER);
        Self {
            work: Box::pin(stall::watch_left(work(Events(sender)))),
            events,
            first: None,
            outcome: None,
        }
    }

    /// Returns once the first event is there. Nothing has been answered before that, so a failure until then is
    /// an answer of its own, with its own status.
    pub async fn begun(mut self) -> Result<Self, Problem> {
        self.first = self.next().await;
        match self.outcome {
            Some(Err(problem)) if self.first.is_none() => Err(problem),
            outcome => Ok(Self { outcome, ..self }),
        }
    }

    /// The next event; none once the work has ended and all are taken.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll(context)).await
    }

    /// The next event and those that are there with it; empty once the work has ended and all are taken.
    pub async fn batch(&mut self) -> Vec<Event> {
        let mut batch = Vec::new();
        poll_fn(|context| {
            while batch.len() < LARGEST_BATCH {
                match self.poll(context) {
                    Poll::Ready(Some(event)) => batch.push(event),
                    Poll::Pending if batch.is_empty() => return Poll::Pending,
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            Poll::Ready(())
        })
        .await;
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

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if self.outcome.is_none()
            && let Poll::Ready(outcome) = self.work.as_mut().poll(context)
        {
            self.outcome = Some(outcome);
        }
        let event = ready!(self.events.poll_recv(context));
        if event.is_none() && self.outcome.is_none() {
            return Poll::Pending;
        }
        Poll::Ready(event.map(|event| *event))
    }
}

impl<T: Send + 'static> Source<T> {
    /// The answer whose events these are; it ends when the work does, with an `error` where the work failed, or
    /// with `shutdown` once the process has stopped accepting for `drain`.
    pub fn response(self, app: &App, drain: Duration) -> Response {
        response::of(self, app, drain)
    }
}

/// What tests take their events from.
#[cfg(test)]
pub(super) mod samples {
    use tokio::sync::oneshot::{Receiver, channel};

    use super::*;

    /// Tells these events, and ends.
    pub(in crate::edge::events) async fn told<T: Send + 'static>(
        told: Vec<Event>,
        outcome: Result<T, Problem>,
    ) -> Source<T> {
        Source::new(|events| async move {
            for event in told {
                events.send(event).await;
            }
            outcome
        })
    }

    /// Tells nothing, and never ends by itself; the receiver hears of its end.
    pub(in crate::edge::events) async fn silent() -> (Source<()>, Receiver<()>) {
        let (working, stopped) = channel();
        let source = Source::new(|events| async move {
            std::future::pending::<()>().await;
            drop((working, events));
            Ok(())
        });
        (source, stopped)
    }

    /// Tells more than anybody reads.
    pub(in crate::edge::events) async fn endless() -> (Source<()>, Receiver<()>) {
        let (working, stopped) = channel();
        let source = Source::new(|events| async move {
            let _working: tokio::sync::oneshot::Sender<()> = working;
            loop {
                events.send(Event::json("more", &1)).await;
            }
        });
        (source, stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::{samples::told, *};

    #[tokio::test]
    async fn what_fails_before_the_first_event_is_no_stream() {
        let source: Source<()> = told(Vec::new(), Err(Problem::not_found())).await;
        let problem = source.begun().await.err().expect("a problem");
        assert_eq!(problem.status, 404);
    }

    #[tokio::test]
    async fn what_fails_after_it_is_one_that_has_begun() {
        let first = Event::json("first", &1);
        let source: Source<()> = told(vec![first.clone()], Err(Problem::not_found())).await;
        let mut source = source.begun().await.expect("an event");
        assert_eq!(source.next().await, Some(first));
        assert_eq!(source.next().await, None);
        assert!(matches!(source.outcome(), Some(Err(problem)) if problem.status == 404));
    }

    #[tokio::test]
    async fn a_batch_is_what_is_there() {
        let (go_on, waits) = tokio::sync::oneshot::channel();
        let mut source = Source::new(|events| async move {
            for n in 0..2 {
                events.send(Event::json("early", &n)).await;
            }
            waits.await.ok();
            events.send(Event::json("late", &2)).await;
            Ok(3)
        });
        assert_eq!(source.batch().await.len(), 2);
        go_on.send(()).expect("it waits");
        assert_eq!(source.batch().await, [Event::json("late", &2)]);
        assert!(source.batch().await.is_empty());
        assert!(matches!(source.outcome(), Some(Ok(3))));
    }
}
