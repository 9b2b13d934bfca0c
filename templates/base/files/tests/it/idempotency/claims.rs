//! Who claimed a key and is not heard of any more loses it when its lease ends, and can do no harm after.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use service::data::idempotency::{self as keys, Answer, Claim, Fingerprint, Scope};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{END_LEASES, Failing, PATH, change, connection, in_use, is_replayed, made, replayed};
use crate::support::{Client, Server, client::problem, document, eventually};

const LONG: Duration = Duration::from_secs(60);

/// A request that claimed its key and then stopped, in another process perhaps.
struct Zombie {
    scope: Scope,
    fingerprint: Fingerprint,
    token: Uuid,
}

impl Zombie {
    /// Of the request of `send`.
    async fn claim(server: &Server, lease: Duration) -> Self {
        // What the claim of this request says is taken from the request itself, which is then forgotten.
        made(send(&server.client("a")).await).await;
        let mut connection = connection(server).await;
        let row = sqlx::query_as("SELECT scope, fingerprint FROM idempotency_keys");
        let (scope, fingerprint): (Vec<u8>, Vec<u8>) = connection.one(row).await.expect("a key");
        for statement in ["DELETE FROM idempotency_keys", "DELETE FROM documents"] {
            let removed = connection.execute(sqlx::query(statement)).await;
            assert_eq!(removed.expect("a change"), 1);
        }
        let zombie = Self {
            scope: scope.try_into().expect("a digest"),
            fingerprint: fingerprint.try_into().expect("a digest"),
            token: Uuid::now_v7(),
        };
        let claim = Claim {
            scope: &zombie.scope,
            fingerprint: &zombie.fingerprint,
            token: zombie.token,
            request_id: "zombie",
            lease,
            retention: LONG,
        };
        assert!(
            keys::claim(&mut connection, &claim)
                .await
                .expect("an answer")
        );
        zombie
    }

    /// Whether it may complete its claim after all.
    async fn complete(&self, server: &Server) -> bool {
        let answer = Answer {
            status: 201,
            headers: "[]",
            body: b"brains",
        };
        let mut connection = connection(server).await;
        let completed = keys::complete(&mut connection, &self.scope, self.token, &answer).await;
        completed.expect("an answer")
    }

    async fn release(&self, server: &Server) {
        let mut connection = connection(server).await;
        let released = keys::release(&mut connection, &self.scope, self.token).await;
        released.expect("an answer");
    }
}

async fn send(client: &Client) -> reqwest::Response {
    client.post_with_key(PATH, "k", &document("one")).await
}

#[tokio::test]
async fn a_claim_holds_until_its_lease_ends() {
    let server = Server::start().await;
    let client = server.client("a");
    Zombie::claim(&server, LONG).await;
    in_use(send(&client).await).await;
    assert_eq!(client.count().await, 0);

    assert_eq!(change(&server, END_LEASES).await, 1);
    // It is the key of that request still.
    let other = client.post_with_key(PATH, "k", &document("two")).await;
    problem(other, 422).await;
    made(send(&client).await).await;
    assert_eq!(client.count().await, 1);
}

#[tokio::test]
async fn a_lease_ends_by_itself() {
    let server = Server::start().await;
    let client = server.client("a");
    Zombie::claim(&server, Duration::from_millis(300)).await;
    eventually("the end of the lease", async || {
        let response = send(&client).await;
        if response.status() == StatusCode::CREATED {
            return Some(made(response).await);
        }
        in_use(response).await;
        None
    })
    .await;
}

#[tokio::test]
async fn who_lost_its_claim_changes_nothing() {
    let server = Server::start().await;
    let client = server.client("a");
    let zombie = Zombie::claim(&server, Duration::ZERO).await;
    let answer: Bytes = made(send(&client).await).await;

    assert!(!zombie.complete(&server).await);
    assert_eq!(replayed(send(&client).await).await, answer);
    zombie.release(&server).await;
    assert_eq!(replayed(send(&client).await).await, answer);
}

#[tokio::test]
async fn who_loses_its_claim_at_work_takes_its_effect_back() {
    let failing = Failing::start().await;
    in_use(failing.post("lose-the-claim", "k").await).await;
    assert_eq!(failing.client.count().await, 0);
    made(failing.post("lose-the-claim", "k").await).await;
    assert_eq!(failing.client.count().await, 1);
}

#[tokio::test]
async fn of_many_who_find_an_ended_lease_one_takes_over() {
    let server = Server::start().await;
    Zombie::claim(&server, Duration::ZERO).await;
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let client = server.client("a");
        requests.spawn(async move { send(&client).await });
    }
    let mut made = 0;
    for response in requests.join_all().await {
        match response.status() {
            StatusCode::CREATED => made += usize::from(!is_replayed(&response)),
            _ => in_use(response).await,
        }
    }
    assert_eq!(made, 1);
    assert_eq!(server.client("a").count().await, 1);
}
