//! Who removes what is over comes upon a row that somebody is about to use again, and leaves it.

use std::time::Duration;

use service::data::{
    idempotency,
    jobs::{self, State, desk},
};

use super::{begin, execute, new_job, write};
use crate::support::Server;

const LIMIT: u32 = 10;

#[tokio::test]
async fn a_job_that_is_redriven_stays() {
    let server = Server::start().await;
    let job = new_job(None);
    let mut connection = write(&server.app).await;
    let added = jobs::add(&mut connection, &job).await;
    assert!(added.expect("a job"));
    let dead = "UPDATE jobs SET state = 'dead', finished_at = 0";
    execute(&mut connection, dead).await.expect("a change");

    let mut operator = begin(&server.app).await;
    let redriven = desk::redrive(&mut operator, None).await;
    assert_eq!(redriven.expect("an answer"), 1);
    let age = Duration::from_secs(3600);
    let purged = desk::purge(&mut connection, State::Dead, age, LIMIT).await;
    assert_eq!(purged.expect("an answer"), 0);
    operator.commit().await.expect("an end");
    let found = desk::find(&mut connection, "a", job.id).await;
    let found = found.expect("an answer").expect("the job");
    assert_eq!(found.state, State::Queued);
}

#[tokio::test]
async fn a_key_that_is_claimed_anew_stays() {
    const OVER: &str = "INSERT INTO idempotency_keys
            (scope, fingerprint, token, request_id, lease_until, expires_at)
        VALUES ('\\x01', '\\x01', gen_random_uuid(), gen_random_uuid(), 0, 0)";
    // As a claim does.
    const AGAIN: &str = "UPDATE idempotency_keys SET expires_at = 9000000000000";
    let server = Server::start().await;
    let mut connection = write(&server.app).await;
    execute(&mut connection, OVER).await.expect("a key");
    let mut claiming = begin(&server.app).await;
    execute(&mut claiming, AGAIN).await.expect("a change");
    let purged = idempotency::purge(&mut connection, LIMIT).await;
    assert_eq!(purged.expect("an answer"), 0);
    claiming.commit().await.expect("an end");
    let left = execute(&mut connection, AGAIN).await;
    assert_eq!(left.expect("an answer"), 1);
}
