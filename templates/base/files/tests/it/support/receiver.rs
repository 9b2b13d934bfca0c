//! A server that webhooks are sent to. It answers as it is told, and verifies signatures with code of its own.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use ring::digest::{SHA256, digest};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::eventually;

/// What is answered to one request.
pub(crate) enum Reply {
    Status(u16),
    With(u16, &'static str, String),
    Says(u16, String),
    /// 200, once the test says so.
    Later(oneshot::Receiver<()>),
    /// Nothing, ever.
    Silence,
}

#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) struct Receiver {
    address: SocketAddr,
    shared: Shared,
    running: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Shared {
    received: Arc<Mutex<Vec<Received>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Receiver {
    /// Gives these replies in turn, and 200 after them.
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::start_at("127.0.0.1:0", replies).await
    }

    /// The same at an address that is known.
    pub(crate) async fn start_at(address: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        let shared = Shared {
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            ..Shared::default()
        };
        let routes = Router::new().fallback(receive).with_state(shared.clone());
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = async { axum::serve(listener, routes).await.expect("no end") };
        Self {
            address,
            shared,
            running: tokio::spawn(serving),
        }
    }

    /// Ends it, and gives where it was.
    pub(crate) async fn stop(self) -> String {
        self.running.abort();
        self.running.await.ok();
        self.address.to_string()
    }

    /// Gives 200 from now on.
    pub(crate) fn is_well(&self) {
        self.shared.replies.lock().expect("no panic").clear();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().expect("no panic").clone()
    }

    /// Waits for this many requests, and gives the last of them.
    pub(crate) async fn receives(&self, count: usize) -> Received {
        eventually("a webhook", async || {
            self.received().get(count - 1).cloned()
        })
        .await
    }
}

async fn receive(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let received = Received {
        at: Instant::now(),
        target: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).expect("text"),
    };
    shared.received.lock().expect("no panic").push(received);
    let reply = shared.replies.lock().expect("no panic").pop_front();
    let status = |status| StatusCode::from_u16(status).expect("a status");
    match reply {
        None => StatusCode::OK.into_response(),
        Some(Reply::Status(code)) => status(code).into_response(),
        Some(Reply::With(code, name, value)) => (status(code), [(name, value)]).into_response(),
        Some(Reply::Says(code, body)) => (status(code), body).into_response(),
        Some(Reply::Later(said)) => {
            said.await.ok();
            StatusCode::OK.into_response()
        }
        Some(Reply::Silence) => std::future::pending().await,
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        let value = value.unwrap_or_else(|| panic!("{name} is missing"));
        value.to_str().expect("text")
    }

    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(crate) fn timestamp(&self) -> i64 {
        let seconds = self.header("webhook-timestamp").parse();
        seconds.expect("seconds")
    }

    pub(crate) fn signatures(&self) -> Vec<&str> {
        self.header("webhook-signature").split(' ').collect()
    }

    /// Whether one of its signatures was made with this secret.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let signature = signature(secret, self.id(), self.timestamp(), &self.body);
        self.signatures().contains(&signature.as_str())
    }
}

/// From the specification's text, not from the service: HMAC (RFC 2104) by hand.
pub(crate) fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
    let secret = secret.strip_prefix("whsec_").expect("a secret");
    let key = BASE64.decode(secret).expect("base64");
    assert!((24..=64).contains(&key.len()), "{} bytes", key.len());
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        let bytes = block.iter_mut().zip(&key);
        bytes.for_each(|(byte, key)| *byte ^= key);
        block
    };
    let message = format!("{id}.{timestamp}.{body}");
    let inner = digest(&SHA256, &[&padded(0x36), message.as_bytes()].concat());
    let outer = digest(&SHA256, &[&padded(0x5c), inner.as_ref()].concat());
    format!("v1,{}", BASE64.encode(outer))
}
