//! A statement that runs for minutes is stopped in the database: its connection, the only one, is of use
//! right after.

use std::time::Duration;

use axum::{Router, routing};
use reqwest::{Method, StatusCode};
use service::{
    app::{context::Context, state::App},
    data::{connection::Connection, error::Error, meter::Meter},
    edge::{deadline::Deadline, endpoint::on_a_thread, problem::Problem},
    threads::wait,
};
use tokio::time::timeout;

use super::{PATIENCE, ask_within};
use crate::support::{
    Server,
    client::{header, problem},
    database::FEW_CONNECTIONS,
    document, eventually,
};

const SOON: Duration = Duration::from_secs(1);

/// Counts for minutes.
const ENDLESS: &str = "WITH RECURSIVE numbers (number) AS (
    SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 2000000000
) SELECT COUNT(*) FROM numbers";

const ONE: &str = "SELECT CAST(1 AS BIGINT)";

/// Reads and writes on connections of the server's own pools.
#[derive(Clone, Copy, Debug)]
enum Pool {
    Read,
    Write,
    Transaction,
}

const POOLS: [Pool; 3] = [Pool::Read, Pool::Write, Pool::Transaction];

impl Pool {
    async fn lend(self, app: &App, within: Duration) -> Result<Connection, Error> {
        let (deadline, meter) = (Deadline::after(within), Meter::default());
        match self {
            Self::Read => app.database.read(deadline, &meter).await,
            Self::Write => app.database.write(deadline, &meter).await,
            Self::Transaction => app.database.begin(deadline, &meter).await,
        }
    }
}

async fn count(connection: &mut Connection, statement: &'static str) -> Result<i64, Error> {
    connection.scalar(sqlx::query_scalar(statement)).await
}

/// The pool's only connection answers soon, although it may take much longer.
async fn assert_works(pool: Pool, app: &App) {
    let working = async {
        let lent = pool.lend(app, 10 * PATIENCE).await;
        let mut connection = lent.unwrap_or_else(|error| panic!("{pool:?}: {error}"));
        count(&mut connection, ONE).await
    };
    let answer = timeout(PATIENCE, working).await.expect("an answer in time");
    assert_eq!(answer.expect("one"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_statement_ends_at_the_deadline() {
    let server = Server::with(FEW_CONNECTIONS).await;
    for pool in POOLS {
        let lent = pool.lend(&server.app, SOON).await;
        let mut connection = lent.expect("a connection");
        let counting = timeout(PATIENCE, count(&mut connection, ENDLESS)).await;
        let error = counting.expect("an end in time").expect_err("no count");
        assert!(matches!(error, Error::Deadline), "{error}");
        drop(connection);
        assert_works(pool, &server.app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_statement_that_was_abandoned_ends_at_its_deadline_too() {
    let server = Server::with(FEW_CONNECTIONS).await;
    for pool in POOLS {
        let mut connection = pool.lend(&server.app, SOON).await.expect("a connection");
        // Polled until it waits for the database, then dropped with everything that it holds.
        let counting = timeout(SOON / 4, count(&mut connection, ENDLESS)).await;
        counting.expect_err("no end yet");
        drop(connection);
        assert_works(pool, &server.app).await;
    }
}

/// Stopped in the middle of a change, a database may have rolled back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_stopped_leaves_a_writer_that_works() {
    const ENDLESS_CHANGE: &str = "UPDATE documents SET version =
        (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n)";
    let server = Server::with(&[]).await;
    let client = server.client("a");
    client.create("before").await;
    for _ in 0..2 {
        let database = &server.app.database;
        let lent = database
            .begin(Deadline::after(SOON), &Meter::default())
            .await;
        let mut transaction = lent.expect("a transaction");
        let stopped = transaction.execute(sqlx::query(ENDLESS_CHANGE)).await;
        assert!(matches!(stopped, Err(Error::Deadline)), "{stopped:?}");
        drop(transaction);
        client.create("after").await;
    }
    assert_eq!(client.count().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_has_a_bound_of_its_own() {
    let bound = [("APP__DATABASE__STATEMENT_TIMEOUT", "100ms")];
    let server = Server::with(&[FEW_CONNECTIONS, &bound].concat()).await;
    for pool in POOLS {
        let lent = pool.lend(&server.app, Duration::from_secs(60)).await;
        let mut connection = lent.expect("a connection");
        let counting = timeout(PATIENCE, count(&mut connection, ENDLESS)).await;
        counting.expect("an end in time").expect_err("no count");
        drop(connection);
        assert_works(pool, &server.app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_it_is_answered_504_and_the_next_one_200() {
    let routes = Router::new()
        .route(
            "/endless",
            routing::get(on_a_thread(endless)).post(on_a_thread(endless_change)),
        )
        .route(
            "/one",
            routing::get(on_a_thread(one)).post(on_a_thread(one_change)),
        );
    let server = Server::with_routes(FEW_CONNECTIONS, routes).await;
    let client = server.client("a");
    for method in [Method::GET, Method::POST] {
        let late = ask_within(&client, method.clone(), "/endless", 100).await;
        problem(late, 504).await;
        let next = client.request(method, "/one").send().await;
        assert_eq!(next.expect("an answer").status(), StatusCode::OK);
    }
}

fn endless(mut context: Context) -> Result<String, Problem> {
    Ok(wait(count(&mut *context.read()?, ENDLESS))?.to_string())
}

fn one(mut context: Context) -> Result<String, Problem> {
    Ok(wait(count(&mut *context.read()?, ONE))?.to_string())
}

fn endless_change(mut context: Context) -> Result<String, Problem> {
    Ok(wait(count(&mut *context.begin()?, ENDLESS))?.to_string())
}

fn one_change(mut context: Context) -> Result<String, Problem> {
    Ok(wait(count(&mut *context.begin()?, ONE))?.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_no_connection_is_told_when_to_come_back() {
    let impatient = [("APP__DATABASE__ACQUIRE_TIMEOUT", "100ms")];
    let server = Server::with(&[FEW_CONNECTIONS, &impatient].concat()).await;
    let client = server.client("a");
    let held = (
        Pool::Read
            .lend(&server.app, PATIENCE)
            .await
            .expect("a connection"),
        Pool::Transaction
            .lend(&server.app, PATIENCE)
            .await
            .expect("a connection"),
    );
    let one = document("one");
    for request in [
        client.request(Method::GET, "/v1/documents"),
        client.request(Method::POST, "/v1/documents").json(&one),
        client
            .request(Method::POST, "/v1/documents")
            .header("idempotency-key", "k")
            .json(&one),
    ] {
        let refused = request.timeout(PATIENCE).send().await;
        let refused = refused.expect("an answer in time");
        assert_eq!(header(&refused, "retry-after"), "1");
        let problem = problem(refused, 503).await;
        assert_eq!(problem["type"], "urn:problem:database-busy");
    }
    drop(held);
    // The connections may be on their way back still.
    eventually("an answer", async || {
        let created = client.post_with_key("/v1/documents", "k", &one).await;
        (created.status() == StatusCode::CREATED).then_some(())
    })
    .await;
    assert_eq!(client.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_connection_beyond_the_deadline() {
    let server = Server::with(FEW_CONNECTIONS).await;
    let _held = Pool::Read.lend(&server.app, PATIENCE).await;
    let late = ask_within(&server.client("a"), Method::GET, "/v1/documents", 50).await;
    problem(late, 504).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_begins_after_the_deadline() {
    let server = Server::start().await;
    let meter = Meter::default();
    let deadline = Deadline::after(SOON);
    let lent = server.app.database.begin(deadline, &meter).await;
    let mut connection = lent.expect("a connection");
    eventually("the deadline", async || deadline.has_passed().then_some(())).await;
    let begun = meter.statements();
    let late = count(&mut connection, ONE).await;
    assert!(matches!(late, Err(Error::Deadline)), "{late:?}");
    assert_eq!(meter.statements(), begun);
}
