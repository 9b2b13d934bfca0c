//! Answers that arrive event by event: `text/event-stream`, as the HTML standard defines it (section 9.2).
//!
//! The work that makes the events lives in the answer's body: it goes on as far as its reader reads, and is
//! dropped at once when the reader leaves.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use http_body::Frame;
use serde::Serialize;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, interval_at},
};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::lifecycle::Lifecycle;

/// What a reader that knows resumes from.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Less than any proxy's patience with a silent connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a reader that lost its connection waits before it comes back, in milliseconds.
const COME_BACK_AFTER: u32 = 3_000;

/// Events that wait for the reader; what makes more waits too.
const BUFFER: usize = 32;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    name: &'static str,
    id: Option<i64>,
    data: String,
}

impl Event {
    pub fn json(name: &'static str, data: &impl Serialize) -> Self {
        // JSON has no line breaks of its own, so it is one line of data.
        let data = serde_json::to_string(data).unwrap_or_default();
        Self {
            name,
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

    fn write(&self) -> Bytes {
        let id = self.id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        format!("{id}event: {}\ndata: {}\n\n", self.name, self.data).into()
    }
}

/// Where the work writes its events.
pub struct Events(mpsc::Sender<Event>);

impl Events {
    /// Waits while the reader is behind.
    pub async fn send(&self, event: Event) {
        // It is dropped together with the body that reads it, so there is nobody to be told.
        self.0.send(event).await.ok();
    }
}

/// The answer whose events `work` makes; it ends when `work` does, or with `shutdown` when the process stops
/// accepting.
pub fn stream<F>(lifecycle: &Lifecycle, work: impl FnOnce(Events) -> F) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let body = Stream::new(lifecycle, HEARTBEAT, work);
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

struct Stream {
    has_begun: bool,
    /// None once it has ended; its events may still be there.
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    events: mpsc::Receiver<Event>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    heartbeat: Interval,
    is_over: bool,
}

impl Stream {
    fn new<F>(lifecycle: &Lifecycle, heartbeat: Duration, work: impl FnOnce(Events) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(BUFFER);
        Self {
            has_begun: false,
            work: Some(Box::pin(work(Events(sender)))),
            events,
            closing: Box::pin(lifecycle.closing()),
            heartbeat: interval_at(Instant::now() + heartbeat, heartbeat),
            is_over: false,
        }
    }

    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            return Poll::Ready(Some(format!("retry: {COME_BACK_AFTER}\n\n").into()));
        }
        if let Some(work) = &mut self.work
            && work.as_mut().poll(context).is_ready()
        {
            self.work = None;
        }
        if let Poll::Ready(event) = self.events.poll_recv(context) {
            self.heartbeat.reset();
            self.is_over = event.is_none();
            return Poll::Ready(event.as_ref().map(Event::write));
        }
        if self.closing.as_mut().poll(context).is_ready() {
            self.is_over = true;
            self.work = None;
            let shutdown = Event::json("shutdown", &serde_json::json!({}));
            return Poll::Ready(Some(shutdown.write()));
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

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;

    async fn next(body: &mut Body) -> Option<String> {
        let frame = body.frame().await?.expect("no error");
        let bytes = frame.into_data().expect("data");
        Some(String::from_utf8(bytes.into()).expect("text"))
    }

    #[tokio::test]
    async fn events_are_written_as_the_standard_says() {
        let response = stream(&Lifecycle::default(), |events| async move {
            events
                .send(Event::json("first", &json!({ "n": 1 })).id(7))
                .await;
            events.send(Event::json("last", &json!("a\nb"))).await;
        });
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
        let stream = Stream::new(&Lifecycle::default(), heartbeat, |events| async move {
            std::future::pending::<()>().await;
            drop(events);
        });
        let mut body = Body::new(stream);
        next(&mut body).await;
        for _ in 0..2 {
            assert_eq!(next(&mut body).await.as_deref(), Some(": still here\n\n"));
        }
    }

    #[tokio::test]
    async fn a_process_that_stops_says_so_and_ends_the_work() {
        let lifecycle = Lifecycle::default();
        let (working, dropped) = tokio::sync::oneshot::channel::<()>();
        let response = stream(&lifecycle, |events| async move {
            std::future::pending::<()>().await;
            drop((working, events));
        });
        let mut body = response.into_body();
        next(&mut body).await;
        lifecycle.close();
        let last = next(&mut body).await;
        assert_eq!(last.as_deref(), Some("event: shutdown\ndata: {}\n\n"));
        assert_eq!(next(&mut body).await, None);
        assert!(dropped.await.is_err(), "the work is dropped");
    }
}
