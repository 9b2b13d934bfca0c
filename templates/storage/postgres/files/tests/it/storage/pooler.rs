//! Behind a transaction pooler nothing may be left in a session, for the next transaction has another. What must hold for
//! that is seen without one; and all tests can be run through a real one.

mod pgbouncer;

use std::{env, process::Command};

use serde_json::{Value, json};
use service::{
    config::Secret,
    data::{connection::Connection, database::Database, meter::Meter},
    edge::deadline::Deadline,
};
use temp_dir::TempDir;

use super::{PATIENCE, begin, execute};
use crate::support::{
    Server,
    client::header,
    configuration,
    database::{self, POOLER},
    document, eventually,
    proxy::Proxy,
    servers::POSTGRES,
};

const POOLED: [(&str, &str); 1] = [("APP__DATABASE__POOLER", "transaction")];

#[tokio::test]
async fn migrations_go_past_it_or_nowhere() {
    let folder = TempDir::new().expect("a folder");
    let mut config = configuration(folder.path(), &POOLED).database;
    config.is_made = false;
    config.direct_url = None;
    let database = Database::open(&config, folder.path()).await;
    let refused = database.expect("a start").migrate().await;
    let said = refused.expect_err("no way past it").to_string();
    assert!(said.contains("set APP__DATABASE__DIRECT_URL"), "{said}");

    let past = Proxy::to(database::address(POSTGRES.url())).await;
    let url = database::by(past.address(), POSTGRES.url(), folder.path());
    config.direct_url = Some(Secret::new(url));
    let database = Database::open(&config, folder.path()).await;
    let database = database.expect("a start");
    assert_eq!(past.connections(), 0);
    database.migrate().await.expect("a schema");
    assert_eq!(past.connections(), 1);
}

/// The bounds of the session that it has.
async fn bounds(connection: &mut Connection) -> String {
    const BOUNDS: &str = "SELECT CONCAT_WS(' ', current_setting('statement_timeout'),
        current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'))";
    let bounds = connection.scalar(sqlx::query_scalar(BOUNDS)).await;
    bounds.expect("an answer")
}

/// Whoever has the session next finds nothing in it.
#[tokio::test]
async fn a_transaction_takes_its_settings_with_it() {
    let server = Server::with(&POOLED).await;
    let mut connection = begin(&server.app).await;
    let within = bounds(&mut connection).await;
    assert!(!within.split(' ').any(|setting| setting == "0"), "{within}");
    execute(&mut connection, "COMMIT").await.expect("an end");
    assert_eq!(bounds(&mut connection).await, "0 0 0");
}

#[tokio::test]
async fn each_piece_of_work_is_a_transaction_that_brings_its_settings() {
    // What a statement sees of its session.
    const SEEN: &str = "SELECT CONCAT_WS(' ', now() <> statement_timestamp(),
            current_setting('transaction_read_only'), current_setting('statement_timeout'),
            current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
            (SELECT COUNT(*) FROM pg_prepared_statements))";
    let variables = [
        POOLED[0],
        ("APP__DATABASE__STATEMENT_TIMEOUT", "3s"),
        ("APP__DATABASE__LOCK_TIMEOUT", "1s"),
        ("APP__DATABASE__IDLE_IN_TRANSACTION_TIMEOUT", "4s"),
    ];
    let server = Server::with(&variables).await;
    let (database, meter) = (&server.app.database, Meter::default());
    let deadline = Deadline::after(PATIENCE);
    for (lent, is_read_only) in [
        (database.read(deadline, &meter).await, "on"),
        (database.write(deadline, &meter).await, "off"),
        (database.begin(deadline, &meter).await, "off"),
    ] {
        let mut connection = lent.expect("a connection");
        for _ in 0..2 {
            let seen = sqlx::query_scalar::<_, String>(SEEN);
            let seen = connection.scalar(seen).await.expect("an answer");
            let words: Vec<&str> = seen.split(' ').collect();
            let [in_transaction, read_only, statement, others @ ..] = words.as_slice() else {
                panic!("{seen}");
            };
            assert_eq!((*in_transaction, *read_only), ("t", is_read_only));
            // Less the time that has passed since.
            let statement = statement.trim_end_matches("ms").trim_end_matches('s');
            assert_ne!(statement, "0", "no bound");
            assert_eq!(others, ["1s", "4s", "0"]);
        }
    }
}

#[tokio::test]
async fn the_sample_works_through_it() {
    let server = Server::with_worker(&POOLED).await;
    let client = server.client("a");
    let path = client.create("one").await;
    assert_eq!(client.get(&path).await.status(), 200);
    let two = document("two");
    for _ in 0..2 {
        let made = client.post_with_key("/v1/documents", "k", &two).await;
        assert_eq!(made.status(), 201);
    }
    assert_eq!(client.count().await, 2);
    let body = json!({ "title": "all" });
    let asked = client.post_with_key("/v1/reports", "r", &body).await;
    let job = header(&asked, "location").to_owned();
    eventually("the report", async || {
        let job: Value = client.get(&job).await.json().await.expect("JSON");
        (job["state"] == "succeeded").then_some(())
    })
    .await;
}

/// All tests once more. Docs/storage.md names those that are not run there.
#[test]
#[ignore = "takes as long as all others: cargo test --test it -- --ignored pooler"]
fn all_that_holds_without_one_holds_behind_pgbouncer() {
    let tests = env::current_exe().expect("a path");
    let run = Command::new(tests)
        .env("TEST_POSTGRES_URL", POSTGRES.url())
        .env(POOLER, pgbouncer::url())
        .output()
        .expect("a start");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}");
    assert!(run.status.success(), "they do not pass");
    let passed = said.split("test result: ok. ").nth(1);
    let passed = passed.and_then(|rest| rest.split(' ').next()?.parse().ok());
    assert!(passed.is_some_and(|count: u32| count > 0), "none was run");
}
