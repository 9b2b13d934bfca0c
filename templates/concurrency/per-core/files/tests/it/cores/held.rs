//! A core that is held up is noticed: while it is, and after.

use std::time::Duration;

use axum::routing::get;
use http::StatusCode;
use service::{app::context::Context, edge::problem::Problem};
use temp_dir::TempDir;

use super::{Gate, Opens, one_each, routes, who};
use crate::support::{
    Client, Connection, Process, Server, eventually,
    otlp::{Collector, attribute},
};

async fn live(server: &Server, status: u16) {
    let admin = Client::new(server.admin);
    eventually("/live to change", async || {
        (admin.get("/live").await.status() == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_core_that_does_not_turn_is_not_alive_until_it_does_again() {
    for accept in ["each", "one"] {
        let variables = [
            ("APP__CORES__COUNT", "2"),
            ("APP__CORES__ACCEPT", accept),
            ("APP__ADMIN__LIVE_TIMEOUT", "500ms"),
        ];
        let gate = Gate::default();
        let _opens = Opens(gate.clone());
        let server = Server::with_routes(&variables, routes(&gate)).await;
        let mut connections = one_each(&server, 2).await;
        live(&server, 200).await;

        connections[0].get("/hold", "").await;
        gate.holds().await;
        live(&server, 503).await;
        let admin = Client::new(server.admin);
        let told = admin.get("/live").await.text().await.expect("text");
        assert!(told.contains("a core, or "), "{told}");
        // The other core serves on.
        let other = who(&mut connections[1]).await;
        assert!(other.starts_with("core-"), "{other}");

        gate.open();
        assert_eq!(connections[0].answer().await.status, 200);
        live(&server, 200).await;
    }
}

/// Reads and writes, the second in a transaction.
async fn touch(context: &mut Context) -> Result<(), Problem> {
    let statement = sqlx::query_as("SELECT COUNT(*) FROM jobs");
    let _: Option<(i64,)> = context.read().await?.optional(statement).await?;
    let mut transaction = context.begin().await?;
    let statement = sqlx::query("UPDATE jobs SET attempts = attempts");
    transaction.execute(statement).await?;
    Ok(transaction.commit().await?)
}

/// What the connections that are lent at once have for a limit, one of each kind, was opened by a core that is held up
/// since, and had just been given back.
#[tokio::test]
async fn a_core_that_is_held_up_holds_up_no_statement_of_another() {
    let variables = [
        ("APP__CORES__COUNT", "2"),
        ("APP__DATABASE__READ_CONNECTIONS", "1"),
    ];
    let gate = Gate::default();
    let _opens = Opens(gate.clone());
    let holding = gate.clone();
    let hold = async move |mut context: Context| {
        touch(&mut context).await?;
        holding.hold();
        Ok::<_, Problem>(StatusCode::OK)
    };
    let count = async |mut context: Context| touch(&mut context).await;
    let routes = routes(&gate)
        .route("/touch", get(count))
        .route("/touch-and-hold", get(hold));
    let server = Server::with_routes(&variables, routes).await;
    let credential = format!("authorization: {}\r\n", server.client("a").authorization());
    let mut connections = one_each(&server, 2).await;
    connections[0].get("/touch-and-hold", &credential).await;
    gate.holds().await;
    connections[1].get("/touch", &credential).await;
    assert_eq!(connections[1].answer().await.status, 200);
}

/// The whole process is stopped for a while, so all its cores are; and again until that
/// is told, for it may not have begun to serve.
#[tokio::test]
async fn a_core_that_was_held_is_warned_of_and_counted() {
    let collector = Collector::start().await;
    let folder = TempDir::new().expect("a folder");
    let variables = [
        ("APP__CORES__COUNT", "2"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
    ];
    let process = Process::start(folder.path(), &variables).await;
    eventually("warnings and counts", async || {
        for signal in ["STOP", "CONT"] {
            process.signal(signal);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let (log, stalls) = (process.log(), collector.numbers("app.core.stalls"));
        let is_told = |core: &str| {
            let counted = stalls.iter().any(|point| {
                let of = attribute(&point.attributes, "app.core");
                of.is_some_and(|of| of == core)
            });
            counted && log.contains(&format!("core {core} was held for "))
        };
        ["0", "1"].into_iter().all(is_told).then_some(())
    })
    .await;
    assert!(process.terminate().await.success());
}

/// Whoever comes while a core is held up may come to it, and is answered late but is answered.
#[tokio::test]
async fn who_came_to_a_core_that_was_held_is_answered_after() {
    let gate = Gate::default();
    let _opens = Opens(gate.clone());
    let server = Server::with_routes(&[("APP__CORES__COUNT", "1")], routes(&gate)).await;
    let mut holder = Connection::open(server.address).await;
    holder.get("/hold", "").await;
    gate.holds().await;
    let mut late = Connection::open(server.address).await;
    late.get("/core", "").await;
    assert!(late.is_silent_for(Duration::from_millis(100)).await);
    gate.open();
    assert_eq!(late.answer().await.body, "core-0");
    assert_eq!(holder.answer().await.status, 200);
}
