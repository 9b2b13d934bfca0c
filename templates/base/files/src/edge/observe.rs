//! Each request is one span, one measurement and one log line. They name its route's template, never its
//! path: paths hold ids, and are as many as callers care to make up.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use axum::{
    body::{Body, HttpBody},
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::{Frame, SizeHint};
use tracing::{Instrument as _, Span, field::Empty};

use super::request_id::RequestId;
use crate::{
    data::meter::Meter,
    telemetry::{
        metrics::{self, ActiveRequest},
        names::attribute,
        propagation,
    },
};

/// The status of a request whose client left before the end of its answer; nobody is sent it.
const CLIENT_LEFT: u16 = 499;

/// Watches a request to the last byte of its answer.
pub async fn observe(request: Request, next: Next) -> Response {
    let observation = Observation::begin(&request);
    let span = observation.span.clone();
    let response = next.run(request).instrument(span).await;
    observation.answered(response)
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Answered(StatusCode),
    /// Its answer broke off on our side, after this status had gone out.
    BrokenOff(StatusCode),
    ClientLeft,
}

impl End {
    fn status(self) -> u16 {
        match self {
            Self::Answered(status) | Self::BrokenOff(status) => status.as_u16(),
            Self::ClientLeft => CLIENT_LEFT,
        }
    }

    fn error(&self) -> Option<&str> {
        match self {
            Self::Answered(status) if status.is_server_error() => Some(status.as_str()),
            Self::Answered(_) | Self::ClientLeft => None,
            Self::BrokenOff(_) => Some("broken_off"),
        }
    }
}

/// A request that is being watched. Dropped without an end, its client has left.
struct Observation {
    method: &'static str,
    route: Option<MatchedPath>,
    request_id: RequestId,
    meter: Meter,
    began: Instant,
    span: Span,
    has_ended: bool,
    _active: ActiveRequest,
}

impl Observation {
    fn begin(request: &Request) -> Self {
        let extensions = request.extensions();
        let method = method_name(request.method());
        let route = extensions.get::<MatchedPath>().cloned();
        let request_id = extensions
            .get::<RequestId>()
            .cloned()
            .unwrap_or_else(|| RequestId::of(request.headers()));
        let span = span(method, route.as_ref().map(MatchedPath::as_str), &request_id);
        propagation::adopt(&span, request.headers());
        Self {
            method,
            route,
            request_id,
            meter: extensions.get::<Meter>().cloned().unwrap_or_default(),
            began: Instant::now(),
            span,
            has_ended: false,
            _active: metrics::active_request(method),
        }
    }

    /// Watches the body too, where there is one to come.
    fn answered(mut self, response: Response) -> Response {
        let status = response.status();
        // The answer to a HEAD is cut off, and an error's may be rewritten on its way out: neither body
        // is sure to be read to its end.
        let is_error = status.is_client_error() || status.is_server_error();
        if self.method == "HEAD" || is_error || response.body().is_end_stream() {
            self.end(End::Answered(status));
            return response;
        }
        response.map(|body| {
            Body::new(ObservedBody {
                body,
                status,
                observation: self,
            })
        })
    }

    fn end(&mut self, end: End) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        self.span.record(attribute::STATUS, end.status());
        if let Some(error) = end.error() {
            self.span.record(attribute::ERROR_TYPE, error);
            self.span.record("otel.status_code", "ERROR");
        }
        let route = self.route.as_ref().map(MatchedPath::as_str);
        metrics::request(&metrics::Request {
            method: self.method,
            route,
            status: end.status(),
            error: end.error(),
            duration: self.began.elapsed(),
            statements: self.meter.statements(),
        });
        self.span.in_scope(|| self.log(end, route));
    }

    fn log(&self, end: End, route: Option<&str>) {
        let (method, status) = (self.method, end.status());
        let route = route.unwrap_or("unmatched");
        let duration_ms = (self.began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        let request_id = self.request_id.0.as_str();
        let statements = self.meter.statements();
        let how = match end {
            End::Answered(_) => "",
            End::BrokenOff(_) => ", broken off",
            End::ClientLeft => ", the client left",
        };
        // The level is part of an event's static description, so there are two of them.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    method,
                    route,
                    status,
                    duration_ms,
                    statements,
                    request_id,
                    "{method} {route} {status} in {duration_ms} ms{how}"
                )
            };
        }
        match end.error() {
            Some(_) => line!(warn),
            None => line!(info),
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.end(End::ClientLeft);
    }
}

fn span(method: &'static str, route: Option<&str>, request_id: &RequestId) -> Span {
    let name = match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    };
    tracing::info_span!(
        "request",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        { attribute::METHOD } = method,
        { attribute::ROUTE } = route,
        { attribute::REQUEST_ID } = request_id.0,
        { attribute::STATUS } = Empty,
        { attribute::ERROR_TYPE } = Empty,
    )
}

/// A caller may make up methods too, so those that nobody knows share one name.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

/// An answer's body on its way out, inside the request's span.
struct ObservedBody {
    body: Body,
    status: StatusCode,
    observation: Observation,
}

impl HttpBody for ObservedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let body = Pin::new(&mut this.body);
        let frame = ready!(this.observation.span.in_scope(|| body.poll_frame(context)));
        match &frame {
            Some(Err(_)) => this.observation.end(End::BrokenOff(this.status)),
            // The last frame of a body of known length is not followed by another look.
            Some(Ok(_)) if !this.body.is_end_stream() => {}
            _ => this.observation.end(End::Answered(this.status)),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fmt,
        sync::{Arc, Mutex},
    };

    use axum::{Router, middleware::from_fn, routing::get};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    use tracing::{
        Event, Subscriber,
        field::{Field, Visit},
        subscriber::DefaultGuard,
    };
    use tracing_subscriber::{Layer, Registry, layer, layer::SubscriberExt as _};

    use super::*;

    /// The levels and messages of what is logged on this thread.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    impl Log {
        fn start() -> (Self, DefaultGuard) {
            let log = Self::default();
            let subscriber = Registry::default().with(log.clone());
            (log, tracing::subscriber::set_default(subscriber))
        }

        /// The only line there is, without how long it took.
        fn line(&self) -> String {
            let lines = self.0.lock().expect("not poisoned");
            let [line] = lines.as_slice() else {
                panic!("not one line: {lines:?}");
            };
            let (before, after) = line.split_once(" in ").expect("a duration");
            let (_, how) = after.split_once(" ms").expect("a unit");
            format!("{before}{how}")
        }
    }

    impl<S: Subscriber> Layer<S> for Log {
        fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
            let mut line = event.metadata().level().to_string();
            event.record(&mut Message(&mut line));
            self.0.lock().expect("not poisoned").push(line);
        }
    }

    struct Message<'a>(&'a mut String);

    impl Visit for Message<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == "message" {
                *self.0 += &format!(" {value:?}");
            }
        }
    }

    /// Gives these frames, and then nothing for ever.
    struct Frames(Vec<Result<&'static str, &'static str>>);

    impl HttpBody for Frames {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            if self.0.is_empty() {
                return Poll::Pending;
            }
            let frame = self.0.remove(0);
            Poll::Ready(Some(frame.map(|text| Frame::data(Bytes::from(text)))))
        }
    }

    async fn ask(path: &str) -> Response {
        let stalled = async || Body::new(Frames(vec![Ok("first")]));
        let broken = async || Body::new(Frames(vec![Ok("first"), Err("broken")]));
        let router = Router::new()
            .route("/{id}/whole", get(async || "all of it"))
            .route("/{id}/failed", get(async || StatusCode::BAD_GATEWAY))
            .route("/{id}/unanswered", get(std::future::pending::<()>))
            .route("/{id}/stalled", get(stalled))
            .route("/{id}/broken", get(broken))
            .layer(from_fn(observe));
        let request = Request::get(path).body(Body::empty());
        let answer = router.oneshot(request.expect("a request")).await;
        answer.expect("an answer")
    }

    #[tokio::test]
    async fn a_whole_answer_is_one_line() {
        let (log, _guard) = Log::start();
        let answer = ask("/7/whole").await.into_body().collect().await;
        assert_eq!(answer.expect("a body").to_bytes(), "all of it");
        assert_eq!(log.line(), "INFO GET /{id}/whole 200");
    }

    #[tokio::test]
    async fn an_answer_that_is_our_fault_is_a_warning() {
        let (log, _guard) = Log::start();
        ask("/7/failed").await;
        assert_eq!(log.line(), "WARN GET /{id}/failed 502");
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_a_warning() {
        let (log, _guard) = Log::start();
        let answer = ask("/7/broken").await.into_body().collect().await;
        assert!(answer.is_err());
        assert_eq!(log.line(), "WARN GET /{id}/broken 200, broken off");
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_noticed_before_and_within_the_answer() {
        let (log, guard) = Log::start();
        let mut unanswered = Box::pin(ask("/7/unanswered"));
        std::future::poll_fn(|context| {
            assert!(unanswered.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(unanswered);
        assert_eq!(log.line(), "INFO GET /{id}/unanswered 499, the client left");
        drop(guard);

        let (log, _guard) = Log::start();
        let mut body = ask("/7/stalled").await.into_body();
        body.frame().await.expect("a frame").expect("no error");
        drop(body);
        assert_eq!(log.line(), "INFO GET /{id}/stalled 499, the client left");
    }
}
