//! Serves connections, within the limits that hold for each.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{interval, timeout},
};
use tower::{ServiceExt as _, util::Oneshot};

use super::{
    accept::{Accepted, accept},
    lifecycle::Lifecycle,
    patience::Patience,
    protocol::{Begun, Protocol},
    refusal::Refusals,
    streams::{Bounds, Sent, Streams},
};

/// A loop that is watched turns at least this often, so that a watcher can tell an idle one from a stuck one.
pub const TURN: Duration = Duration::from_millis(500);

const LARGEST_HEAD: u32 = 16 * 1024;
/// hyper reads HTTP/1 heads into a buffer of at least 8 KiB.
const LARGEST_HTTP1_HEAD: usize = LARGEST_HEAD as usize;
const STREAMS_PER_CONNECTION: u32 = 200;
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);
const PROGRESS_REPORT: Duration = Duration::from_secs(5);

/// When the accept loop last turned; clones share it.
#[derive(Clone, Debug)]
pub struct Pulse {
    origin: Instant,
    last: Arc<AtomicU64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            last: Arc::default(),
        }
    }
}

impl Pulse {
    pub fn beat(&self) {
        self.last.store(self.now(), Ordering::Relaxed);
    }

    /// Shows until the lifecycle closes that the runtime turns, where no accept loop does.
    pub async fn turn(&self, lifecycle: &Lifecycle) {
        loop {
            self.beat();
            if timeout(TURN, lifecycle.closed()).await.is_ok() {
                return self.retire();
            }
        }
    }

    /// The loop has ended as it should; from here on it is not late.
    pub fn retire(&self) {
        self.last.store(u64::MAX, Ordering::Relaxed);
    }

    /// How long ago the loop turned.
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.last.load(Ordering::Relaxed)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_connections: u32,
    pub header_timeout: Duration,
    pub write_timeout: Duration,
    pub shutdown_grace: Duration,
}

/// Serves connections, wherever they are accepted.
pub struct Server {
    router: Router,
    limits: Limits,
    lifecycle: Lifecycle,
    connections: GracefulShutdown,
}

impl Server {
    pub fn new(router: Router, limits: Limits, lifecycle: Lifecycle) -> Self {
        Self {
            router,
            limits,
            lifecycle,
            connections: GracefulShutdown::new(),
        }
    }

    /// Serves a connection on its own, to its end.
    pub fn serve(&self, accepted: Accepted) {
        let Accepted {
            stream,
            peer,
            place,
        } = accepted;
        // Small answers must not wait for an acknowledgement; a socket that refuses is about to close.
        stream.set_nodelay(true).ok();
        let has_asked = Arc::new(AtomicBool::new(false));
        let requests = Requests {
            router: self.router.clone(),
            peer,
            has_asked: has_asked.clone(),
        };
        // In a box: a task has room twice for what is moved within it.
        let mut connection = Box::pin(self.connection(stream, requests));
        let header_timeout = self.limits.header_timeout;
        #[expect(
            clippy::disallowed_methods,
            reason = "the drain waits for watched connections"
        )]
        tokio::spawn(async move {
            let _place = place;
            // hyper's own timer starts once the protocol is known; a client may take for ever to say so.
            let first = timeout(header_timeout, &mut connection).await;
            if first.is_err() && has_asked.load(Ordering::Relaxed) {
                connection.await;
            }
        });
    }

    /// A connection's whole life. One that has not said anything when nothing new is accepted any more ends there.
    fn connection(
        &self,
        stream: TcpStream,
        requests: Requests,
    ) -> impl Future<Output = ()> + Send + use<> {
        let stream = Patience::new(stream, self.limits.write_timeout);
        let bounds = Bounds {
            idle: self.limits.header_timeout,
            unread: self.limits.write_timeout,
        };
        let (closing, watcher) = (self.lifecycle.closing(), self.connections.watcher());
        let lifecycle = self.lifecycle.clone();
        async move {
            let begun = tokio::select! {
                // What was said before that is answered.
                biased;
                begun = Begun::read(stream) => begun,
                () = closing => return,
            };
            match begun {
                Ok((Protocol::Http1, stream)) => {
                    let stream = TokioIo::new(Refusals::new(stream));
                    let connection = http1(bounds.idle).serve_connection(stream, requests);
                    watcher.watch(connection).await.ok();
                }
                Ok((Protocol::Http2, stream)) => {
                    // The drain waits for it; when it is to end is found here.
                    let _watched = watcher;
                    Box::pin(serve_http2(stream, requests, bounds, lifecycle.closing())).await;
                }
                Err(_) => {}
            }
        }
    }

    /// Waits for the connections that there are. Whether all of them ended in time.
    pub async fn end(self) -> bool {
        let mut report = interval(PROGRESS_REPORT);
        report.tick().await;
        let mut ended = pin!(self.connections.shutdown());
        let all = async {
            loop {
                tokio::select! {
                    () = &mut ended => return,
                    _ = report.tick() => tracing::info!("still waiting for connections to end"),
                }
            }
        };
        timeout(self.limits.shutdown_grace, all).await.is_ok()
    }
}

/// Until the client leaves, or nobody waits for anything on it. Before that it is told that no more requests are taken here,
/// and those that are under way run to their end.
async fn serve_http2<S>(
    stream: S,
    requests: Requests,
    bounds: Bounds,
    closing: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let streams = Streams::new(bounds);
    let service = service_fn(|request| {
        let stream = streams.begin();
        let answer = requests.call(request);
        async move {
            let answer = answer.await?;
            Ok::<_, Infallible>(answer.map(|body| Sent::new(body, stream)))
        }
    });
    let mut connection = pin!(http2().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = &mut connection => return,
        () = closing => {}
        () = streams.spent() => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        () = streams.abandoned() => {}
    }
}

fn http1(header_timeout: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(LARGEST_HTTP1_HEAD);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_header_list_size(LARGEST_HEAD);
    builder
}

/// Answers the requests of a connection.
struct Requests {
    router: Router,
    peer: SocketAddr,
    /// Set with the first.
    has_asked: Arc<AtomicBool>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Oneshot<Router, Request<Incoming>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.has_asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.router.clone().oneshot(request)
    }
}

/// Accepts and serves until the lifecycle closes, then waits for the connections that there are. Whether all of
/// them ended in time.
pub async fn run(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    lifecycle: &Lifecycle,
    pulse: &Pulse,
) -> bool {
    let places = Arc::new(Semaphore::new(limits.max_connections as usize));
    let server = Server::new(router, limits, lifecycle.clone());
    let serve = |accepted| server.serve(accepted);
    accept(listener, places, lifecycle, pulse, serve).await;
    server.end().await
}
