//! The answer whose body is events: with a heartbeat while there are none, and an end of its own where the process
//! stops or nobody reads.

use std::{
    pin::{Pin, pin},
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
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, Interval, interval_at, sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::{BUFFER, Event, Source};
use crate::{app::state::App, edge::lifecycle::Lifecycle};

/// Less than any proxy's patience with a silent connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a reader that lost its connection waits before it comes back, in milliseconds.
const COME_BACK_AFTER: u32 = 3_000;

/// Ends when the source does, with an `error` where its work failed, or with `shutdown` once the process has stopped
/// accepting for `drain`.
pub(super) fn of<T: Send + 'static>(source: Source<T>, app: &App, drain: Duration) -> Response {
    let patience = app.config.server.write_timeout;
    respond(source, &app.lifecycle, drain, patience, HEARTBEAT)
}

fn respond<T: Send + 'static>(
    mut source: Source<T>,
    lifecycle: &Lifecycle,
    drain: Duration,
    patience: Duration,
    heartbeat: Duration,
) -> Response {
    let (written, body) = mpsc::channel(BUFFER);
    let (asks, asked) = oneshot::channel();
    let closing = lifecycle.closing();
    let pump = async move {
        // Before the head is on its way, nothing is made: what it says of this request is all there was.
        let Ok(Ok(())) = timeout(patience, asked).await else {
            return;
        };
        let leaving = pin!(async {
            closing.await;
            sleep(drain).await;
        });
        if let Some(last) = pump(&mut source, &written, leaving, patience).await {
            written.send_timeout(last.write(), patience).await.ok();
        }
    };
    let body = Stream {
        asks: Some(asks),
        body,
        heartbeat: interval_at(Instant::now() + heartbeat, heartbeat),
        _pump: AbortOnDropHandle::new(lifecycle.spawn(pump.in_current_span())),
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

/// Brings the events to the body, and gives the one that is still to be said, if there is one. A reader that takes none for
/// longer than `patience` is given up. In a task of its own: nobody asks a body for anything while its reader does not
/// read, and on HTTP/2 the connection goes on.
async fn pump<T: Send + 'static>(
    source: &mut Source<T>,
    written: &mpsc::Sender<Bytes>,
    mut leaving: Pin<&mut impl Future<Output = ()>>,
    patience: Duration,
) -> Option<Event> {
    loop {
        let event = tokio::select! {
            event = source.next() => event,
            () = &mut leaving => return Some(Event::json("shutdown", &serde_json::json!({}))),
        };
        let Some(event) = event else {
            return source
                .problem()
                .map(|problem| Event::json("error", problem));
        };
        if written.send_timeout(event.write(), patience).await.is_err() {
            return None;
        }
    }
}

struct Stream {
    /// None once the body was asked for.
    asks: Option<oneshot::Sender<()>>,
    body: mpsc::Receiver<Bytes>,
    heartbeat: Interval,
    _pump: AbortOnDropHandle<()>,
}

impl Stream {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(asks) = self.asks.take() {
            asks.send(()).ok();
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
    use crate::edge::{
        events::source::samples::{endless, silent, told},
        problem::Problem,
    };

    const PATIENCE: Duration = Duration::from_secs(20);

    fn answer<T: Send + 'static>(source: Source<T>, lifecycle: &Lifecycle) -> Response {
        respond(source, lifecycle, Duration::ZERO, PATIENCE, HEARTBEAT)
    }

    async fn next(body: &mut Body) -> Option<String> {
        let frame = body.frame().await?.expect("no error");
        let bytes = frame.into_data().expect("data");
        Some(String::from_utf8(bytes.into()).expect("text"))
    }

    async fn all(mut body: Body) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(text) = next(&mut body).await {
            all.push(text);
        }
        all
    }

    #[tokio::test]
    async fn events_are_written_as_the_standard_says() {
        let events = vec![
            Event::json("first", &json!({ "n": 1 })).id(7),
            Event::json("last", &json!("a\nb")),
        ];
        let response = answer(told(events, Ok(())).await, &Lifecycle::default());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(
            all(response.into_body()).await,
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
        let (source, _) = silent().await;
        let lifecycle = Lifecycle::default();
        let response = respond(source, &lifecycle, Duration::ZERO, PATIENCE, heartbeat);
        let mut body = response.into_body();
        next(&mut body).await;
        for _ in 0..2 {
            assert_eq!(next(&mut body).await.as_deref(), Some(": still here\n\n"));
        }
    }

    #[tokio::test]
    async fn a_process_that_stops_says_so_and_ends_the_work() {
        let lifecycle = Lifecycle::default();
        let (source, stopped) = silent().await;
        let mut body = answer(source, &lifecycle).into_body();
        next(&mut body).await;
        lifecycle.close();
        let last = next(&mut body).await;
        assert_eq!(last.as_deref(), Some("event: shutdown\ndata: {}\n\n"));
        assert_eq!(next(&mut body).await, None);
        assert!(stopped.await.is_err(), "the work is stopped");
    }

    #[tokio::test]
    async fn what_fails_is_the_last_event() {
        let events = vec![Event::json("first", &1)];
        let source: Source<()> = told(events, Err(Problem::not_found())).await;
        let lifecycle = Lifecycle::default();
        let all = all(answer(source, &lifecycle).into_body()).await;
        assert_eq!(all.len(), 3, "{all:?}");
        assert_eq!(all[1], "event: first\ndata: 1\n\n");
        assert!(
            all[2].starts_with("event: error\ndata: {\"type\":"),
            "{all:?}"
        );
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let patience = Duration::from_millis(50);
        let lifecycle = Lifecycle::default();
        for is_begun in [false, true] {
            let (source, stopped) = endless().await;
            let unread = respond(source, &lifecycle, Duration::ZERO, patience, HEARTBEAT);
            let mut unread = unread.into_body();
            if is_begun {
                next(&mut unread).await;
            }
            assert!(stopped.await.is_err(), "the work is stopped");
            drop(unread);
        }
    }
}
