//! P11: only who has a session gets in, nobody has another's, and it ends when it should.

mod changes;
mod csrf;
mod ends;
mod login;
mod settings;
mod throttle;
mod users;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use service::{
    app::auth::{DEFAULT_SCOPES, password},
    data::{
        connection::Connection,
        meter::Meter,
        users::{self as rows, NewUser},
    },
    edge::deadline::Deadline,
};
use uuid::Uuid;

use crate::support::{
    Client, Server,
    client::{document, header},
    redis::{connect, keys},
};

const PASSWORD: &str = "correct horse battery staple";

const COOKIE: &str = "__Host-session";

/// An operation that needs a session.
const PROTECTED: &str = "/v1/documents";

async fn connection(server: &Server) -> Connection {
    let deadline = Deadline::after(Duration::from_secs(20));
    let meter = Meter::default();
    let connection = server.app.database.write(deadline, &meter);
    connection.await.expect("a connection")
}

/// Adds a user who may do everything, of a tenant of the same name.
async fn add(server: &Server, name: &str) -> Uuid {
    let user = NewUser {
        id: Uuid::now_v7(),
        name,
        tenant: name,
        scopes: DEFAULT_SCOPES,
        password: &password::hash(PASSWORD).expect("a hash"),
    };
    let added = rows::insert(&mut connection(server).await, &user).await;
    assert!(added.expect("a change"));
    user.id
}

fn login(name: &str, password: &str) -> Value {
    json!({ "name": name, "password": password })
}

async fn log_in(client: &Client, name: &str, password: &str) -> Response {
    client.post("/v1/session", &login(name, password)).await
}

/// The id that a login without a cookie gives.
async fn token(client: &Client, name: &str) -> String {
    let mut body = login(name, PASSWORD);
    body["carrier"] = json!("bearer");
    let answer = client.post("/v1/session", &body).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert!(!answer.headers().contains_key("set-cookie"));
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let session: Value = answer.json().await.expect("JSON");
    session["token"].as_str().expect("a token").to_owned()
}

fn bearer(server: &Server, token: &str) -> Client {
    server.stranger().credential(&format!("Bearer {token}"))
}

/// The id in the cookie that an answer has a browser keep.
fn kept(answer: &Response) -> String {
    let (cookie, _) = header(answer, "set-cookie").split_once(';').expect("flags");
    let (name, id) = cookie.split_once('=').expect("a value");
    assert_eq!(name, COOKIE);
    id.to_owned()
}

/// A page of the service's own, and the cookie of its browser.
struct Browser {
    client: Client,
    id: String,
}

impl Browser {
    fn new(server: &Server, id: &str) -> Self {
        Self {
            client: server.stranger(),
            id: id.to_owned(),
        }
    }

    async fn log_in(server: &Server, name: &str) -> Self {
        let answer = log_in(&server.stranger(), name, PASSWORD).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        Self::new(server, &kept(&answer))
    }

    /// As a browser sends it that does not say whose page asks.
    fn silent(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, path);
        request.header("cookie", format!("{COOKIE}={}", self.id))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.silent(method, path)
            .header("sec-fetch-site", "same-origin")
    }

    async fn send(&self, method: Method, path: &str) -> Response {
        let answer = self.request(method, path).send().await;
        answer.expect("an answer")
    }

    async fn is_known(&self) -> bool {
        let status = self.send(Method::GET, PROTECTED).await.status();
        assert!([StatusCode::OK, StatusCode::UNAUTHORIZED].contains(&status));
        status == StatusCode::OK
    }
}

/// Statements that a request cost.
fn statements(answer: &Response) -> u32 {
    let cost = header(answer, "server-timing").strip_prefix("db;desc=\"");
    let (number, _) = cost.and_then(|cost| cost.split_once(' ')).expect("a cost");
    number.parse().expect("a number")
}

/// What a server keeps in Redis of this kind.
async fn kept_in_redis(server: &Server, kind: &str) -> Vec<String> {
    keys(&format!("{}:{kind}", server.app.config.cache.prefix)).await
}

/// A command about one key, and its answer.
async fn redis<T: redis::FromRedisValue>(command: &str, arguments: &[&str]) -> T {
    let mut command = redis::cmd(command);
    for argument in arguments {
        command.arg(*argument);
    }
    let answer = command.query_async(&mut connect().await).await;
    answer.expect("an answer")
}

#[tokio::test]
async fn a_session_says_who_calls_for_whom_and_what_it_may_do() {
    let server = Server::start().await;
    let id = add(&server, "ada").await;
    let browser = Browser::log_in(&server, "ada").await;
    let answer = browser.send(Method::GET, "/v1/session").await;
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let session: Value = answer.json().await.expect("JSON");
    assert_eq!(session["subject"], id.to_string());
    assert_eq!(session["tenant"], "ada");
    let mut scopes: Vec<&str> = DEFAULT_SCOPES.split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(session["scopes"], json!(scopes));
    assert!(session["ends_at"].is_string(), "{session}");
    assert_eq!(session["token"], Value::Null);

    let created = browser.request(Method::POST, PROTECTED);
    let created = created.json(&document("one")).send().await;
    let created = created.expect("an answer");
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(bearer(&server, &browser.id).count().await, 1);
    assert_eq!(server.client("bob").count().await, 0);
}

#[tokio::test]
async fn without_one_nobody_gets_in() {
    let server = Server::start().await;
    let refused = server.stranger().get(PROTECTED).await;
    let realm = concat!("Bearer realm=\"", env!("CARGO_PKG_NAME"), "\"");
    assert_eq!(header(&refused, "www-authenticate"), realm);
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);

    add(&server, "ada").await;
    let id = token(&server.stranger(), "ada").await;
    let other = if id.ends_with('A') { "B" } else { "A" };
    let nearly = format!("{}{other}", &id[..id.len() - 1]);
    let another_owner = format!("AAAA{}", &id[4..]);
    for wrong in [nearly.as_str(), &another_owner, &id[1..], "a.b.c", "x"] {
        let refused = bearer(&server, wrong).get(PROTECTED).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{wrong}");
        let challenge = header(&refused, "www-authenticate");
        assert!(challenge.contains("invalid_token"), "{challenge}");
        assert!(!Browser::new(&server, wrong).is_known().await, "{wrong}");
    }
    assert_eq!(bearer(&server, &id).get(PROTECTED).await.status(), 200);
}
