//! Answers that arrive event by event: `text/event-stream`, as the HTML standard defines it (section 9.2).
//!
//! The work that makes the events lives in what takes them: it goes on as far as they are taken, and is dropped
//! at once when nobody takes them any more. Where they become an answer's body, it ends with its reader, and with the
//! patience for one that does not read.

use std::{
    borrow::Cow,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Frame;
use serde::Serialize;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, interval_at, sleep},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::{lifecycle::Lifecycle, problem::Problem};
use crate::app::state::App;

/// What a reader that knows resumes from.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The id of the last event that the reader has seen; 0, before every event, where there is none that can be read.
pub fn last_seen(headers: &HeaderMap) -> i64 {
    let text = headers.get(LAST_EVENT_ID);
    let text = text.and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Less than any proxy's patience with a silent connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a reader that lost its connection waits before it comes back, in milliseconds.
const COME_BACK_AFTER: u32 = 3_000;

/// Events that wait for the reader; what makes more waits too.
const BUFFER: usize = 32;

/// Events that are taken at once.
const LARGEST_BATCH: usize = 256;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    name: Cow<'static, str>,
    id: Option<i64>,
    data: String,
}

impl Event {
    pub fn json(name: &'static str, data: &impl Serialize) -> Self {
        // JSON has no line breaks of its own, so it is one line of data.
        let data = serde_json::to_string(data).unwrap_or_default();
        Self {
            name: name.into(),
            id: None,
            data,
        }
    }

    /// One that was written down, with its data as it was.
    pub fn again(name: String, data: String) -> Self {
        Self {
            name: name.into(),
            id: None,
            data,
        }
    }

    /// What the reader sends as `Last-Event-ID` to go on after this one.
    #[must_use]
    pub fn id(mut self, id: i64) -> Self {
        self.id = Some(id);
        self
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// JSON.
    pub fn data(&self) -> &str {
        &self.data
    }

    fn write(&self) -> Bytes {
        let id = self.id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        format!("{id}event: {}\ndata: {}\n\n", self.name, self.data).into()
    }
}

/// Where the work writes its events.
pub struct Events(mpsc::Sender<Event>);

impl Events {
    /// For work whose outcome alone matters.
    pub fn unheard() -> Self {
        Self(mpsc::channel(1).0)
    }

    /// Waits while the reader is behind.
    pub async fn send(&self, event: Event) {
        // It is dropped together with whatever reads it, so there is nobody to be told.
        self.0.send(event).await.ok();
    }
}

/// Work on its way, and the events that it makes.
pub struct Source<T> {
    work: Pin<Box<dyn Future<Output = Result<T, Problem>> + Send>>,
    events: mpsc::Receiver<Event>,
    /// Taken already, and not given yet.
    first: Option<Event>,
    /// None while the work goes on; its last events may still be there.
    outcome: Option<Result<T, Problem>>,
}

impl<T> Source<T> {
    pub fn new<F>(work: impl FnOnce(Events) -> F) -> Self
    where
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(BUFFER);
        Self {
            work: Box::pin(work(Events(sender))),
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
        Poll::Ready(event)
    }
}

impl<T: Send + 'static> Source<T> {
    /// The answer whose events these are; it ends when the work does, with an `error` where the work failed, or
    /// with `shutdown` once the process has stopped accepting for `drain`.
    pub fn response(self, app: &App, drain: Duration) -> Response {
        let patience = app.config.server.write_timeout;
        respond(self, &app.lifecycle, drain, patience, HEARTBEAT)
    }
}

/// The answer whose events `work` makes, from the first look on.
pub fn stream<F>(app: &App, work: impl FnOnce(Events) -> F) -> Response
where
    F: Future<Output = Result<(), Problem>> + Send + 'static,
{
    Source::new(work).response(app, Duration::ZERO)
}

fn respond<T: Send + 'static>(
    source: Source<T>,
    lifecycle: &Lifecycle,
    drain: Duration,
    patience: Duration,
    heartbeat: Duration,
) -> Response {
    let (written, body) = mpsc::channel(BUFFER);
    let closing = lifecycle.closing();
    let leaving = async move {
        closing.await;
        sleep(drain).await;
    };
    let pump = pump(source, written, leaving, patience).in_current_span();
    let body = Stream {
        has_begun: false,
        body,
        heartbeat: interval_at(Instant::now() + heartbeat, heartbeat),
        _pump: AbortOnDropHandle::new(lifecycle.spawn(pump)),
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // A proxy that collects an answer before it passes it on would hold back every event.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    (headers, Body::new(body)).into_response()
}

/// Brings the events to the body, and gives up a reader that takes none for longer than `patience`. In a task of its
/// own: nobody asks a body for anything while its reader does not read, and on HTTP/2 the connection goes on.
async fn pump<T>(
    mut source: Source<T>,
    written: mpsc::Sender<Bytes>,
    leaving: impl Future<Output = ()>,
    patience: Duration,
) {
    tokio::pin!(leaving);
    loop {
        let event = tokio::select! {
            event = source.next() => event,
            () = &mut leaving => {
                let shutdown = Event::json("shutdown", &serde_json::json!({}));
                written.send_timeout(shutdown.write(), patience).await.ok();
                return;
            }
        };
        let Some(event) = event else { break };
        if written.send_timeout(event.write(), patience).await.is_err() {
            return;
        }
    }
    if let Some(Err(problem)) = source.outcome() {
        let error = Event::json("error", &problem);
        written.send_timeout(error.write(), patience).await.ok();
    }
}

struct Stream {
    has_begun: bool,
    body: mpsc::Receiver<Bytes>,
    heartbeat: Interval,
    _pump: AbortOnDropHandle<()>,
}

impl Stream {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !std::mem::replace(&mut self.has_begun, true) {
            return Poll::Ready(Some(format!("retry: {COME_BACK_AFTER}\n\n").into()));
        }
        if let Poll::Ready(event) = self.body.poll_recv(context) {
            self.heartbeat.reset();
            return Poll::Ready(event);
        }
        if self.heartbeat.poll_tick(context).is_ready() {
            return Poll::Ready(Some(Bytes::from_static(b": still here\n\n")));
        }
        Poll::Pending
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = self.next(context);
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn answer<T: Send + 'static>(source: Source<T>, lifecycle: &Lifecycle) -> Response {
        respond(source, lifecycle, Duration::ZERO, PATIENCE, HEARTBEAT)
    }

    async fn next(body: &mut Body) -> Option<String> {
        let frame = body.frame().await?.expect("no error");
        let bytes = frame.into_data().expect("data");
        Some(String::from_utf8(bytes.into()).expect("text"))
    }

    #[tokio::test]
    async fn events_are_written_as_the_standard_says() {
        let source = Source::new(|events| async move {
            events
                .send(Event::json("first", &json!({ "n": 1 })).id(7))
                .await;
            events.send(Event::json("last", &json!("a\nb"))).await;
            Ok(())
        });
        let response = answer(source, &Lifecycle::default());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut body = response.into_body();
        let mut all = Vec::new();
        while let Some(text) = next(&mut body).await {
            all.push(text);
        }
        assert_eq!(
            all,
            [
                "retry: 3000\n\n",
                "id: 7\nevent: first\ndata: {\"n\":1}\n\n",
                "event: last\ndata: \"a\\nb\"\n\n",
            ]
        );
    }

    #[tokio::test]
    async fn silence_is_broken_by_a_heartbeat() {
        let heartbeat = Duration::from_millis(20);
        let silent: Source<()> = Source::new(|events| async move {
            std::future::pending::<()>().await;
            drop(events);
            Ok(())
        });
        let lifecycle = Lifecycle::default();
        let response = respond(silent, &lifecycle, Duration::ZERO, PATIENCE, heartbeat);
        let mut body = response.into_body();
        next(&mut body).await;
        for _ in 0..2 {
            assert_eq!(next(&mut body).await.as_deref(), Some(": still here\n\n"));
        }
    }

    #[tokio::test]
    async fn a_process_that_stops_says_so_and_ends_the_work() {
        let lifecycle = Lifecycle::default();
        let (working, dropped) = tokio::sync::oneshot::channel::<()>();
        let source: Source<()> = Source::new(|events| async move {
            std::future::pending::<()>().await;
            drop((working, events));
            Ok(())
        });
        let mut body = answer(source, &lifecycle).into_body();
        next(&mut body).await;
        lifecycle.close();
        let last = next(&mut body).await;
        assert_eq!(last.as_deref(), Some("event: shutdown\ndata: {}\n\n"));
        assert_eq!(next(&mut body).await, None);
        assert!(dropped.await.is_err(), "the work is dropped");
    }

    #[tokio::test]
    async fn what_fails_before_the_first_event_is_no_stream() {
        let source: Source<()> = Source::new(|_| async { Err(Problem::not_found()) });
        let problem = source.begun().await.err().expect("a problem");
        assert_eq!(problem.status, 404);
    }

    #[tokio::test]
    async fn what_fails_after_it_is_the_last_event() {
        let source: Source<()> = Source::new(|events| async move {
            events.send(Event::json("first", &1)).await;
            Err(Problem::not_found())
        });
        let source = source.begun().await.expect("an event");
        let lifecycle = Lifecycle::default();
        let mut body = answer(source, &lifecycle).into_body();
        let mut all = Vec::new();
        while let Some(text) = next(&mut body).await {
            all.push(text);
        }
        assert_eq!(all.len(), 3, "{all:?}");
        assert_eq!(all[1], "event: first\ndata: 1\n\n");
        assert!(
            all[2].starts_with("event: error\ndata: {\"type\":"),
            "{all:?}"
        );
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

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (working, dropped) = tokio::sync::oneshot::channel::<()>();
        let source: Source<()> = Source::new(|events| async move {
            let _working = working;
            loop {
                events.send(Event::json("more", &1)).await;
            }
        });
        let patience = Duration::from_millis(50);
        let lifecycle = Lifecycle::default();
        let unread = respond(source, &lifecycle, Duration::ZERO, patience, HEARTBEAT);
        assert!(dropped.await.is_err(), "the work is dropped");
        drop(unread);
    }
}
