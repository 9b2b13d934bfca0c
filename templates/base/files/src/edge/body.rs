//! A request's body is bounded in size and in time. An idle timer would not do: a client that sends a byte
//! a second never trips it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
};
use bytes::Bytes;
use http::StatusCode;
use http_body::{Frame, SizeHint};
use http_body_util::Limited;
use tokio::time::{Instant, Sleep, sleep_until};

use super::problem::Problem;

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the head to the last byte.
    pub time: Duration,
    /// In bytes, as they arrive.
    pub size: usize,
}

/// Ends a body that is too large with 413, at once where its size is declared, and one that takes too long
/// with 408.
pub fn bound(bounds: Bounds, request: Request) -> Result<Request, Problem> {
    if request.body().size_hint().lower() > bounds.size as u64 {
        return Err(Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let end = Box::pin(sleep_until(Instant::now() + bounds.time));
    Ok(request.map(|body| {
        Body::new(Timed {
            body: Limited::new(body, bounds.size),
            end,
        })
    }))
}

/// The body took longer than its time.
#[derive(Debug, thiserror::Error)]
#[error("the body was not complete in time")]
pub struct TooSlow;

/// The problem that a failed read of the body is.
pub fn problem(error: &(dyn std::error::Error + 'static)) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TooSlow>() {
            return Problem::of_status(StatusCode::REQUEST_TIMEOUT).detail(TooSlow.to_string());
        }
        if error.is::<http_body_util::LengthLimitError>() {
            return Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE);
        }
        cause = error.source();
    }
    Problem::bad_request("the body ended before it was complete")
}

struct Timed {
    body: Limited<Body>,
    end: Pin<Box<Sleep>>,
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(TooSlow.into())));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
