//! An identity provider: keys, tokens of any shape, and a key set over HTTP that counts who asks for it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};

pub(super) const ISSUER: &str = "https://id.example.com/";
pub(super) const AUDIENCE: &str = "https://api.example.com";

/// A key pair of the issuer's.
pub(super) struct Key {
    kid: String,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Key {
    pub(super) fn ed25519(kid: &str) -> Self {
        let random = SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8(&random).expect("a key pair");
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key pair");
        Self {
            kid: kid.to_owned(),
            pair: Pair::Ed25519(pair),
        }
    }

    pub(super) fn p256(kid: &str) -> Self {
        let random = SystemRandom::new();
        let scheme = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(scheme, &random).expect("a key pair");
        let pair = EcdsaKeyPair::from_pkcs8(scheme, document.as_ref(), &random);
        Self {
            kid: kid.to_owned(),
            pair: Pair::P256(pair.expect("a key pair")),
        }
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(_) => "ES256",
        }
    }

    /// The bytes of the public key, as everybody knows them.
    pub(super) fn public(&self) -> &[u8] {
        match &self.pair {
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
            Pair::P256(pair) => pair.public_key().as_ref(),
        }
    }

    pub(super) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ed25519(_) => {
                let x = base64(self.public());
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": x })
            }
            Pair::P256(_) => {
                // A byte that says "uncompressed", then the coordinates.
                let (x, y) = self.public()[1..].split_at(32);
                let (x, y) = (base64(x), base64(y));
                json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "x": x, "y": y })
            }
        }
    }

    pub(super) fn header(&self) -> Value {
        json!({ "typ": "JWT", "alg": self.algorithm(), "kid": self.kid })
    }

    /// A token of this key that says `claims`.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    /// Signed by this key whatever `header` says.
    pub(super) fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.seal(&header.to_string(), &claims.to_string())
    }

    /// Signed by this key whatever the parts are.
    pub(super) fn seal(&self, header: &str, claims: &str) -> String {
        let message = message(header, claims);
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message.as_bytes());
                signature.expect("a signature").as_ref().to_vec()
            }
        };
        format!("{message}.{}", base64(&signature))
    }
}

/// A token with `signature` in place of one.
pub(super) fn unsigned(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let message = message(&header.to_string(), &claims.to_string());
    format!("{message}.{}", base64(signature))
}

/// A token that is authenticated with a shared secret.
pub(super) fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let message = message(&header.to_string(), &claims.to_string());
    let tag = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", base64(tag.as_ref()))
}

fn message(header: &str, claims: &str) -> String {
    format!(
        "{}.{}",
        base64(header.as_bytes()),
        base64(claims.as_bytes())
    )
}

pub(super) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What every good token says.
pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "tenant": "acme",
        "scope": "webhooks:read webhooks:write",
        "exp": now() + 600,
    })
}

/// `claims()`, but for this one.
pub(super) fn claims_with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

pub(super) fn claims_without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .expect("a clock")
        .as_secs()
        .try_into()
        .expect("not yet")
}

pub(super) fn key_set(keys: &[&Key]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// Serves a key set.
pub(super) struct Issuer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _running: JoinHandle<()>,
}

struct Shared {
    answer: Mutex<(StatusCode, String)>,
    fetches: AtomicUsize,
    /// An answer takes a permit and gives it back; none are left while the issuer is held.
    gate: Semaphore,
}

impl Issuer {
    pub(super) async fn start(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let shared = Arc::new(Shared {
            answer: Mutex::new((StatusCode::OK, key_set(keys))),
            fetches: AtomicUsize::new(0),
            gate: Semaphore::new(1),
        });
        let address = listener.local_addr().expect("an address");
        let routes = Router::new()
            .route("/keys", get(answer))
            .with_state(shared.clone());
        let serving = async { axum::serve(listener, routes).await.expect("no end") };
        Self {
            address,
            shared,
            _running: tokio::spawn(serving),
        }
    }

    /// The value of `APP__AUTH__JWKS`.
    pub(super) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// How often it was asked.
    pub(super) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    pub(super) fn rotate(&self, keys: &[&Key]) {
        self.answers(StatusCode::OK, &key_set(keys));
    }

    pub(super) fn answers(&self, status: StatusCode, body: &str) {
        *self.shared.answer.lock().expect("no panic") = (status, body.to_owned());
    }

    /// Keeps every answer back until what this returns is dropped.
    pub(super) async fn hold(&self) -> impl Drop + '_ {
        self.shared.gate.acquire().await.expect("an open gate")
    }
}

async fn answer(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let _permit = shared.gate.acquire().await.expect("an open gate");
    shared.answer.lock().expect("no panic").clone()
}
