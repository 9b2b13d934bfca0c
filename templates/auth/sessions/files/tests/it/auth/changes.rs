//! A user that is changed while a request of its is under way: nobody goes on as who they were before, and a change of the
//! password that did not go through to its end says so.

use std::{sync::mpsc, time::Duration};

use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use service::{
    config::Secret,
    data::{
        connection::Connection,
        meter::Meter,
        users::{self as rows, User},
    },
    edge::deadline::Deadline,
};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};
use uuid::Uuid;

use super::{PASSWORD, PROTECTED, add, bearer, connection, kept_in_redis, log_in, token};
use crate::support::{
    Client, Server,
    client::{header, problem},
    eventually,
    redis::by_proxy,
};

const NEW_PASSWORD: &str = "another horse, another battery";

/// The one thread for what computes: no password is verified.
struct Held {
    end: mpsc::Sender<()>,
    task: JoinHandle<bool>,
}

impl Held {
    async fn on(server: &Server) -> Self {
        let ((begun, is_begun), (end, ended)) = (oneshot::channel(), mpsc::channel::<()>());
        let cpu = server.app.cpu.clone();
        let task = tokio::spawn(async move {
            let hold = move || {
                begun.send(()).ok();
                ended.recv().ok();
            };
            cpu.run(hold).await.is_ok()
        });
        is_begun.await.expect("its turn");
        Self { end, task }
    }

    async fn release(self) {
        drop(self.end);
        assert!(self.task.await.expect("no panic"));
    }
}

async fn user(server: &Server, id: Uuid) -> User {
    let user = rows::find(&mut connection(server).await, id).await;
    user.expect("a look").expect("a user")
}

async fn change_password(client: Client) -> Response {
    let body = json!({ "password": PASSWORD, "new_password": NEW_PASSWORD });
    let request = client.request(Method::PUT, "/v1/session/password");
    request.json(&body).send().await.expect("an answer")
}

/// A change of the user that is not committed: others who change it wait.
async fn change(server: &Server, user: &User) -> Connection {
    let deadline = Deadline::after(Duration::from_secs(20));
    let begun = server.app.database.begin(deadline, &Meter::default()).await;
    let mut begun = begun.expect("a transaction");
    let changed = rows::set_scopes(&mut begun, user, "documents:read").await;
    assert!(changed.expect("a change"));
    begun
}

/// Waits until a change of the password has ended the sessions, and so has nothing before it but the row.
async fn has_come_to_the_row(server: &Server) {
    eventually("the end of the sessions", async || {
        let owners = kept_in_redis(server, "sessions").await;
        owners.is_empty().then_some(())
    })
    .await;
}

/// A login that has found the user and not begun its session when the user is disabled begins none.
#[tokio::test]
async fn no_login_outlives_the_user() {
    let one_of_each = [("APP__CPU__THREADS", "1"), ("APP__CPU__QUEUE", "1")];
    let server = Server::with(&one_of_each).await;
    let id = add(&server, "ada").await;
    let held = Held::on(&server).await;

    // One of these waits for the password to be verified, and the other finds no place: then both have found the user.
    let mut logins = JoinSet::new();
    for _ in 0..2 {
        let client = server.stranger();
        logins.spawn(async move { log_in(&client, "ada", PASSWORD).await });
    }
    let refused = logins.join_next().await.expect("one").expect("an answer");
    assert_eq!(
        problem(refused, 503).await["type"],
        "urn:problem:overloaded"
    );
    let before = user(&server, id).await;
    let disabled = rows::disable(&mut connection(&server).await, &before).await;
    assert!(disabled.expect("a change"));
    server.app.authenticator.end_all(id).await.expect("an end");
    held.release().await;
    let late = logins.join_next().await.expect("one").expect("an answer");
    assert_eq!(
        problem(late, 401).await["type"],
        "urn:problem:invalid-login"
    );
    assert!(kept_in_redis(&server, "session").await.is_empty());
}

/// Nobody has looked at the password, so nobody has tried it: an outage keeps out no user once it is over.
#[tokio::test]
async fn what_nobody_could_judge_is_no_attempt() {
    let variables = [
        ("APP__CPU__THREADS", "1"),
        ("APP__CPU__QUEUE", "1"),
        ("APP__AUTH__ATTEMPTS_PER_ACCOUNT", "3"),
        ("APP__AUTH__ATTEMPTS_PER_ADDRESS", "4"),
    ];
    let server = Server::with(&variables).await;
    add(&server, "ada").await;
    let held = Held::on(&server).await;
    let mut logins = JoinSet::new();
    for _ in 0..2 {
        let client = server.stranger();
        logins.spawn(async move { log_in(&client, "ada", PASSWORD).await });
    }
    // One waits, and this one found no place. Nor do others.
    let refused = logins.join_next().await.expect("one").expect("an answer");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    for _ in 0..5 {
        let refused = log_in(&server.stranger(), "ada", PASSWORD).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    held.release().await;
    let waited = logins.join_next().await.expect("one").expect("an answer");
    assert_eq!(waited.status(), StatusCode::CREATED);
}

/// An operator sets another password when the user's own change has gone through, and before its session begins.
#[tokio::test]
async fn who_changes_a_password_outlives_no_later_change() {
    let server = Server::with(&[("APP__DATABASE__READ_CONNECTIONS", "1")]).await;
    let id = add(&server, "ada").await;
    let client = bearer(&server, &token(&server.stranger(), "ada").await);
    let before = user(&server, id).await;
    let other = change(&server, &before).await;
    let changing = tokio::spawn(change_password(client));
    has_come_to_the_row(&server).await;
    // Whoever would read the row waits for this.
    let deadline = Deadline::after(Duration::from_secs(20));
    let held = server.app.database.read(deadline, &Meter::default()).await;
    let held = held.expect("a connection");
    // It is rolled back, and the change of the password goes on.
    drop(other);
    let changed = eventually("the change", async || {
        let now = user(&server, id).await;
        (now.version > before.version).then_some(now)
    })
    .await;
    let password = Secret::new("nobody knows it".to_owned());
    let set = rows::set_password(&mut connection(&server).await, &changed, &password).await;
    assert!(set.expect("a change"));
    server.app.authenticator.end_all(id).await.expect("an end");
    drop(held);
    let answer = changing.await.expect("no panic");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(kept_in_redis(&server, "sessions").await.is_empty());
}

#[tokio::test]
async fn a_password_is_not_changed_beside_another_change() {
    let server = Server::start().await;
    let id = add(&server, "ada").await;
    let client = bearer(&server, &token(&server.stranger(), "ada").await);
    let before = user(&server, id).await;
    let other = change(&server, &before).await;
    let changing = tokio::spawn(change_password(client.clone()));
    has_come_to_the_row(&server).await;
    other.commit().await.expect("a change");
    let answer = changing.await.expect("no panic");
    let problem = problem(answer, 409).await;
    assert_eq!(problem["type"], "urn:problem:user-changed");
    assert_eq!(user(&server, id).await.password, before.password);
    assert_eq!(client.get(PROTECTED).await.status(), 401);
}

/// Redis goes away between the change and what follows on it.
#[tokio::test]
async fn who_has_a_new_password_and_no_session_is_told_so() {
    let (proxy, url) = by_proxy().await;
    let server = Server::with(&[("APP__CACHE__URL", &url)]).await;
    let id = add(&server, "ada").await;
    let client = bearer(&server, &token(&server.stranger(), "ada").await);
    let other = change(&server, &user(&server, id).await).await;
    let changing = tokio::spawn(change_password(client));
    has_come_to_the_row(&server).await;
    proxy.cut().await;
    // It is rolled back.
    drop(other);
    let answer = changing.await.expect("no panic");
    assert!(!header(&answer, "retry-after").is_empty());
    let problem = problem(answer, 503).await;
    assert_eq!(problem["type"], "urn:problem:sessions-unavailable");
    let detail = problem["detail"].as_str().expect("text");
    assert!(detail.contains("the password is changed"), "{detail}");

    proxy.mend();
    let client = server.stranger();
    eventually("a login with it", async || {
        let answer = log_in(&client, "ada", NEW_PASSWORD).await;
        (answer.status() == StatusCode::CREATED).then_some(())
    })
    .await;
}

/// Where Redis is gone before, nothing is changed.
#[tokio::test]
async fn a_password_that_cannot_end_the_sessions_is_not_changed() {
    let (proxy, url) = by_proxy().await;
    let one_thread = ("APP__CPU__THREADS", "1");
    let server = Server::with(&[("APP__CACHE__URL", &url), one_thread]).await;
    let id = add(&server, "ada").await;
    let client = bearer(&server, &token(&server.stranger(), "ada").await);
    let before = user(&server, id).await;
    let held = Held::on(&server).await;
    let counted = kept_in_redis(&server, "attempts").await.len();
    let changing = tokio::spawn(change_password(client));
    eventually("the attempt", async || {
        let attempts = kept_in_redis(&server, "attempts").await;
        (attempts.len() > counted).then_some(())
    })
    .await;
    proxy.cut().await;
    held.release().await;
    let answer = changing.await.expect("no panic");
    let problem = problem(answer, 503).await;
    assert_eq!(problem["detail"], "sessions cannot be reached now");
    assert_eq!(user(&server, id).await.password, before.password);
}
