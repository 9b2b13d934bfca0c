//! What every request passes, from the outside in. The stacks are kept small on purpose: one deep type of
//! many layers makes compile time explode.

use std::{any::Any, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use tokio::{sync::OwnedSemaphorePermit, time::timeout_at};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer, Predicate as _,
        predicate::{DefaultPredicate, NotForContentType},
    },
    cors::{AllowOrigin, CorsLayer},
    normalize_path::NormalizePath,
};
use tracing::Instrument as _;

use super::{
    body,
    client_address::ClientAddress,
    deadline::{self, Deadline},
    events, headers,
    lifecycle::Lifecycle,
    observe::observe,
    overload,
    problem::Problem,
    rate_limit,
    request_id::{self, RequestId},
    stall,
};
use crate::{
    app::{access, state::App},
    config::Stage,
    data::meter::Meter,
    telemetry::{metrics, propagation},
};

/// Puts the edge around the application.
pub fn around(router: Router, app: &App) -> Router {
    let config = &app.config;
    let gate = Gate {
        app: app.clone(),
        admission: overload::Admission::new(&config.limits),
        rate_limit: rate_limit::RateLimit::new(&config.rate_limit),
        bounds: body::Bounds {
            time: config.server.body_timeout,
            size: usize::try_from(config.server.body_limit.as_u64()).unwrap_or(usize::MAX),
        },
    };
    // From the outside in. One stack, so that a request passes one box and not one a layer.
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(app.clone(), enter))
        .layer(compression())
        .layer(cors(&config.server.cors_origins))
        .layer(from_fn_with_state(Arc::new(gate), pass))
        .layer(CatchPanicLayer::custom(panicked));
    // Around the router, not among its layers: those run after the route was chosen.
    Router::new().fallback_service(NormalizePath::trim_trailing_slash(router.layer(layers)))
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
    let is_http1 = request.version() <= Version::HTTP_11;
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
    let extensions = request.extensions_mut();
    extensions.insert(deadline);
    extensions.insert(id.clone());
    extensions.insert(meter.clone());
    let mut response = as_problem(observe(request, next).await, &id);
    let headers = response.headers_mut();
    headers::complete(headers);
    if let Some(id) = id.header() {
        headers.insert(request_id::HEADER, id);
    }
    if is_http1 && app.lifecycle.is_draining() {
        // The client's next request goes elsewhere, instead of into a connection that is about to close.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if app.config.stage == Stage::Development {
        let cost = format!("db;desc=\"{} statements\"", meter.statements());
        if let Ok(cost) = HeaderValue::try_from(cost) {
            headers.insert(HeaderName::from_static("server-timing"), cost);
        }
    }
    response
}

struct Gate {
    app: App,
    admission: overload::Admission,
    rate_limit: rate_limit::RateLimit,
    bounds: body::Bounds,
}

/// What a request must pass to reach its handler: who it is, how often it asks, whether there is room.
async fn pass(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    access::identify(&gate.app, &mut request).await;
    let standing = match gate.rate_limit.check(&request) {
        Ok(standing) => standing,
        Err(refusal) => {
            let mut response = refusal.problem.into_response();
            gate.rate_limit
                .describe(response.headers_mut(), refusal.standing);
            return response;
        }
    };
    let mut response = match admitted(&gate, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    gate.rate_limit.describe(response.headers_mut(), standing);
    response
}

async fn admitted(gate: &Gate, request: Request, next: Next) -> Result<Response, Problem> {
    let request = body::bound(gate.bounds, request)?;
    let place = gate.admission.enter(request.method()).await?;
    within_deadline(&gate.app.lifecycle, place, request, next).await
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

/// Ends the work at the request's deadline, and holds its place until then. A change runs in its own task:
/// whether its client is still there must not decide how much of it happens.
async fn within_deadline(
    lifecycle: &Lifecycle,
    place: OwnedSemaphorePermit,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let deadline = request.extensions().get::<Deadline>().copied();
    let deadline = deadline.ok_or_else(|| Problem::internal(&"a request without a deadline"))?;
    let is_safe = request.method().is_safe();
    let work = stall::watch(request, next);
    let work = async move {
        let answer = timeout_at(deadline.instant().into(), work).await;
        drop(place);
        answer.map_err(|_| Problem::deadline())
    };
    if is_safe {
        return work.await;
    }
    let done = lifecycle.spawn(work.in_current_span()).await;
    done.unwrap_or_else(|error| Err(Problem::internal(&error)))
}

/// The panic hook has logged it.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    metrics::panicked();
    Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

/// Compression would hold back the events of a stream until a block is full. And a strong `ETag` names these
/// very bytes, which a compressed answer would not be (RFC 9110, section 8.8.3.3).
fn compression() -> CompressionLayer<impl tower_http::compression::Predicate> {
    let has_no_etag = |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| {
        !headers.contains_key(header::ETAG)
    };
    let predicate = DefaultPredicate::new()
        .and(NotForContentType::const_new("text/event-stream"))
        .and(has_no_etag);
    CompressionLayer::new().compress_when(predicate)
}

/// No origin is allowed unless it is named.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| origin.parse().ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.collect::<Vec<HeaderValue>>()))
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            crate::app::idempotency::HEADER,
            deadline::HEADER,
            events::LAST_EVENT_ID,
            request_id::HEADER,
            propagation::TRACEPARENT,
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            request_id::HEADER,
            rate_limit::LIMIT,
            rate_limit::POLICY,
        ])
        .max_age(std::time::Duration::from_secs(600))
}
