//! What every request passes, from the outside in. The stacks are kept small on purpose: one deep type of
//! many layers makes compile time explode.

use std::{any::Any, net::SocketAddr};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::time::timeout_at;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer, Predicate as _,
        predicate::{DefaultPredicate, NotForContentType},
    },
    cors::{AllowOrigin, CorsLayer},
};
use tracing::Instrument as _;

use super::{
    body,
    client_address::ClientAddress,
    deadline::Deadline,
    headers,
    lifecycle::Lifecycle,
    observe::observe,
    overload,
    problem::Problem,
    rate_limit,
    request_id::{self, RequestId},
};
use crate::{
    app::{access, state::App},
    config::Stage,
    data::meter::Meter,
    telemetry::metrics,
};

/// Puts the edge around the application.
pub fn around(router: Router, app: &App) -> Router {
    let config = &app.config;
    let bounds = body::Bounds {
        time: config.server.body_timeout,
        size: usize::try_from(config.server.body_limit.as_u64()).unwrap_or(usize::MAX),
    };
    // The last one is the outermost.
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.lifecycle.clone(), within_deadline))
        .layer(from_fn_with_state(
            overload::Admission::new(&config.limits),
            overload::admit,
        ))
        .layer(from_fn_with_state(
            rate_limit::RateLimit::new(&config.rate_limit),
            rate_limit::limit,
        ))
        .layer(from_fn_with_state(app.clone(), access::identify))
        .layer(from_fn_with_state(bounds, body::bound))
        .layer(cors(&config.server.cors_origins))
        .layer(compression())
        .layer(from_fn(headers::complete))
        .layer(from_fn(observe))
        .layer(from_fn_with_state(app.clone(), enter))
}

pub async fn not_found() -> Problem {
    Problem::not_found()
}

pub async fn method_not_allowed() -> Problem {
    Problem::of_status(StatusCode::METHOD_NOT_ALLOWED)
}

/// Gives the request what all below need, and its answer what all above expect.
async fn enter(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let meter = Meter::default();
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0);
    if let Some(peer) = peer {
        let address =
            ClientAddress::of(peer, request.headers(), &app.config.server.trusted_proxies);
        request.extensions_mut().insert(address);
    }
    let deadline = Deadline::of(request.headers(), app.config.server.request_timeout);
    request.extensions_mut().insert(deadline);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(meter.clone());
    let mut response = as_problem(next.run(request).await, &id);
    if let Some(id) = id.header() {
        response.headers_mut().insert(request_id::HEADER, id);
    }
    if app.config.stage == Stage::Development {
        let cost = format!("db;desc=\"{} statements\"", meter.statements());
        if let Ok(cost) = HeaderValue::try_from(cost) {
            response
                .headers_mut()
                .insert(HeaderName::from_static("server-timing"), cost);
        }
    }
    response
}

/// Every error leaves as a problem that names its request, whoever answered it.
fn as_problem(mut response: Response, id: &RequestId) -> Response {
    let status = response.status();
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_error(status) && !is_problem(&response) => Problem::of_status(status),
        None => return response,
    };
    let written = problem.instance(id).into_response();
    let (mut parts, _) = response.into_parts();
    let (described, body) = written.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_ENCODING);
    parts.headers.extend(described.headers);
    Response::from_parts(parts, body)
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn is_problem(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/problem+json")
}

/// Ends the wait at the request's deadline. A change runs on in its own task: whether its client is still
/// there must not decide how much of it happens. It has the same deadline, so it ends soon after.
async fn within_deadline(
    State(lifecycle): State<Lifecycle>,
    request: Request,
    next: Next,
) -> Response {
    let deadline = request.extensions().get::<Deadline>().copied();
    let Some(deadline) = deadline else {
        return Problem::internal(&"a request without a deadline").into_response();
    };
    let is_safe = request.method().is_safe();
    let work = next.run(request);
    let answer = async {
        if is_safe {
            return work.await;
        }
        match lifecycle.spawn(work.in_current_span()).await {
            Ok(response) => response,
            Err(error) => Problem::internal(&error).into_response(),
        }
    };
    match timeout_at(deadline.instant().into(), answer).await {
        Ok(response) => response,
        Err(_) => Problem::deadline().into_response(),
    }
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    metrics::panicked();
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::internal(&format!("a handler panicked: {message}")).into_response()
}

/// Compression would hold back the events of a stream until a block is full.
fn compression() -> CompressionLayer<impl tower_http::compression::Predicate> {
    let predicate = DefaultPredicate::new().and(NotForContentType::const_new("text/event-stream"));
    CompressionLayer::new().compress_when(predicate)
}

/// No origin is allowed unless it is named.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| origin.parse().ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.collect::<Vec<HeaderValue>>()))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            crate::app::idempotency::HEADER,
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            request_id::HEADER,
        ])
        .max_age(std::time::Duration::from_secs(600))
}
