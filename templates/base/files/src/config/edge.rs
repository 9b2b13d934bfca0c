//! What stands before the application: listeners, limits and their times.

use std::{net::SocketAddr, time::Duration};

use bytesize::ByteSize;
use ipnet::IpNet;

use super::Environment;

/// The public listener.
#[derive(Clone, Debug)]
pub struct Server {
    pub address: SocketAddr,
    /// Connections beyond this wait in the kernel's backlog.
    pub max_connections: u32,
    /// From the opening of a connection, or the end of the last answer on it, to the end of the next head.
    pub header_timeout: Duration,
    /// From the head to the last byte of the body, however steadily it trickles.
    pub body_timeout: Duration,
    pub body_limit: ByteSize,
    /// How long a client may leave what is sent to it unread.
    pub write_timeout: Duration,
    /// The longest that a request may take to its response head; a client may ask for less.
    pub request_timeout: Duration,
    /// From SIGTERM to the closing of the listener: load balancers learn of it in this time.
    pub drain_delay: Duration,
    /// The longest wait for requests in flight after that.
    pub shutdown_grace: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins that may call from a browser; none by default.
    pub cors_origins: Vec<String>,
}

/// The listener for probes and operators; it has no limiter before it.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Left empty, the health routes stand on the public listener.
    pub address: Option<SocketAddr>,
    /// `/live` fails when the public accept loop has not turned for this long.
    pub live_timeout: Duration,
    /// How long the state of the dependencies is remembered.
    pub ready_interval: Duration,
}

/// How much is admitted at once, by class of route, so that a flood of one does not take the other's place.
#[derive(Clone, Debug)]
pub struct Limits {
    pub reads: u32,
    pub writes: u32,
    /// The longest that a request waits for a place before it is answered 503.
    pub queue_timeout: Duration,
}

/// Per caller, or per address where there is none; each instance counts for itself.
#[derive(Clone, Debug)]
pub struct RateLimit {
    pub requests_per_minute: u32,
    pub burst: u32,
}

impl Server {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let drain_delay = if environment.is_development() {
            "0s"
        } else {
            "5s"
        };
        let server = Self {
            address: environment.value("APP__SERVER__ADDRESS", "127.0.0.1:8080"),
            max_connections: environment.count("APP__SERVER__MAX_CONNECTIONS", "10000"),
            header_timeout: environment.duration("APP__SERVER__HEADER_TIMEOUT", "10s"),
            body_timeout: environment.duration("APP__SERVER__BODY_TIMEOUT", "15s"),
            body_limit: environment.value("APP__SERVER__BODY_LIMIT", "1MiB"),
            write_timeout: environment.duration("APP__SERVER__WRITE_TIMEOUT", "30s"),
            request_timeout: environment.duration("APP__SERVER__REQUEST_TIMEOUT", "20s"),
            drain_delay: environment.value("APP__SERVER__DRAIN_DELAY", drain_delay),
            shutdown_grace: environment.duration("APP__SERVER__SHUTDOWN_GRACE", "20s"),
            trusted_proxies: environment.value("APP__SERVER__TRUSTED_PROXIES", ""),
            cors_origins: environment.value("APP__SERVER__CORS_ORIGINS", ""),
        };
        environment.rule(server.body_limit.as_u64() > 0, || {
            "APP__SERVER__BODY_LIMIT must be larger than nothing".to_owned()
        });
        environment.rule(server.shutdown_grace >= server.request_timeout, || {
            "APP__SERVER__SHUTDOWN_GRACE must not be shorter than APP__SERVER__REQUEST_TIMEOUT: \
             a stop would cut off requests that are within their time"
                .to_owned()
        });
        for origin in &server.cors_origins {
            environment.rule(is_origin(origin), || {
                format!(
                    "APP__SERVER__CORS_ORIGINS has {origin:?}: expected origins such as \
                     https://app.example.com, with neither a path nor a wildcard"
                )
            });
        }
        server
    }
}

impl Admin {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            address: environment.value("APP__ADMIN__ADDRESS", "127.0.0.1:8081"),
            live_timeout: environment.duration("APP__ADMIN__LIVE_TIMEOUT", "5s"),
            ready_interval: environment.duration("APP__ADMIN__READY_INTERVAL", "1s"),
        }
    }
}

impl Limits {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            reads: environment.count("APP__LIMITS__READS", "256"),
            writes: environment.count("APP__LIMITS__WRITES", "128"),
            queue_timeout: environment.duration("APP__LIMITS__QUEUE_TIMEOUT", "100ms"),
        }
    }
}

impl RateLimit {
    pub(super) fn read(environment: &mut Environment) -> Self {
        Self {
            requests_per_minute: environment.count("APP__RATE_LIMIT__REQUESTS_PER_MINUTE", "600"),
            burst: environment.count("APP__RATE_LIMIT__BURST", "100"),
        }
    }
}

/// Browsers send an origin without a path, and compare byte for byte: one with a slash never matches.
fn is_origin(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, host)| {
        ["https", "http"].contains(&scheme)
            && !host.contains(['/', '*', '?', '#', '@'])
            && text.parse::<http::Uri>().is_ok()
    })
}
