//! What nobody waits for any more is stopped by the database itself: left alone it would go on for minutes, and keep its locks.

use std::time::Duration;

use service::{
    app::state::App,
    data::{connection::Connection, error::Error, meter::Meter},
    edge::deadline::Deadline,
};
use temp_dir::TempDir;

use super::{PATIENCE, write};
use crate::support::{Server, database, eventually, process, proxy::Proxy};

const SOON: Duration = Duration::from_secs(1);

/// Of no help: it is longer than these tests wait.
const LONG: [(&str, &str); 1] = [("APP__DATABASE__STATEMENT_TIMEOUT", "300s")];

/// It has nothing to say to its client before its end, so the server does not see that nobody listens.
const ENDLESS: &str = "SELECT COUNT(*) FROM pg_sleep(3600)";

async fn run(connection: &mut Connection) -> Result<i64, Error> {
    connection.scalar(sqlx::query_scalar(ENDLESS)).await
}

/// One that reads, one whose statements commit, and one in a transaction.
async fn connections(app: &App, within: Duration) -> [Connection; 3] {
    let (database, meter) = (&app.database, Meter::default());
    let deadline = Deadline::after(within);
    [
        database.read(deadline, &meter).await,
        database.write(deadline, &meter).await,
        database.begin(deadline, &meter).await,
    ]
    .map(|lent| lent.expect("a connection"))
}

/// So many of them run, as the database sees it.
async fn are_running(app: &App, count: i64) {
    const RUNNING: &str = "SELECT COUNT(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND state = 'active' AND query LIKE '%pg_sleep%'";
    eventually("the database to run so many", async || {
        let running = write(app)
            .await
            .scalar(sqlx::query_scalar::<_, i64>(RUNNING))
            .await;
        (running.expect("a count") == count).then_some(())
    })
    .await;
}

/// The connections are kept meanwhile: none of what happens on their way back can have stopped it.
async fn all_are_stopped(server: &Server, within: Duration) {
    let [mut read, mut write, mut begun] = connections(&server.app, within).await;
    let outcomes = tokio::join!(run(&mut read), run(&mut write), run(&mut begun));
    for outcome in [outcomes.0, outcomes.1, outcomes.2] {
        assert!(matches!(outcome, Err(Error::Deadline)), "{outcome:?}");
    }
    are_running(&server.app, 0).await;
}

#[tokio::test]
async fn at_the_deadline() {
    all_are_stopped(&Server::with(&LONG).await, SOON).await;
}

#[tokio::test]
async fn at_its_own_bound() {
    let bound = [("APP__DATABASE__STATEMENT_TIMEOUT", "500ms")];
    all_are_stopped(&Server::with(&bound).await, PATIENCE).await;
}

/// A caller who leaves takes with him whoever would have seen the deadline.
#[tokio::test]
async fn at_the_deadline_of_a_caller_who_has_left() {
    let server = Server::with(&LONG).await;
    let [mut read, mut write, mut begun] = connections(&server.app, 5 * SOON).await;
    let all = async { tokio::join!(run(&mut read), run(&mut write), run(&mut begun)) };
    tokio::select! {
        early = all => panic!("{early:?}"),
        () = are_running(&server.app, 3) => {}
    }
    are_running(&server.app, 0).await;
}

/// A database that is slow has other things to do than to open connections.
#[tokio::test]
async fn with_a_connection_that_is_of_use_after_it() {
    let folder = TempDir::new().expect("a folder");
    let migrated = process::run(folder.path(), &[], &["migrate"]).await;
    assert!(migrated.status.success());
    let way = Proxy::to(database::address(&database::near())).await;
    let url = database::by(way.address(), &database::near(), folder.path());
    // No more than all of them take at once.
    let variables = [
        ("APP__DATABASE__URL", url.as_str()),
        ("APP__DATABASE__READ_CONNECTIONS", "1"),
        ("APP__DATABASE__WRITE_CONNECTIONS", "3"),
        ("APP__DATABASE__STATEMENT_TIMEOUT", "500ms"),
    ];
    let server = Server::with(&variables).await;
    let all = (
        connections(&server.app, PATIENCE).await,
        write(&server.app).await,
    );
    drop(all);
    let before = way.connections();
    for _ in 0..2 {
        all_are_stopped(&server, PATIENCE).await;
    }
    assert_eq!(way.connections(), before);
}
