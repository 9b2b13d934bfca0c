//! A start that cannot work is refused, and says why.

use service::{config::Secret, data::database::Database};
use temp_dir::TempDir;

use crate::support::{configuration, database::is_pooled, process::run};

/// What a refused start says.
async fn refusal(variables: &[(&str, &str)], role: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    let refused = run(folder.path(), variables, &[role]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    String::from_utf8(refused.stderr).expect("text")
}

#[tokio::test]
async fn without_the_database_it_says_where_it_looked_and_no_password() {
    let nowhere = "postgres://ada:correct-horse@127.0.0.1:1/orders";
    let variables = [
        ("APP__DATABASE__URL", nowhere),
        ("APP__DATABASE__ACQUIRE_TIMEOUT", "100ms"),
    ];
    let said = refusal(&variables, "all").await;
    let place = "postgres://127.0.0.1:1/orders (APP__DATABASE__URL) cannot be reached";
    assert!(said.contains(place), "{said}");
    assert!(!said.contains("correct-horse"), "{said}");
}

#[tokio::test]
async fn more_connections_than_the_database_allows_are_refused() {
    // Behind a pooler that is the pooler's business.
    if is_pooled() {
        return;
    }
    let said = refusal(&[("APP__DATABASE__PROCESSES", "1000")], "all").await;
    let part = "1000 processes (APP__DATABASE__PROCESSES) of 19 connections each need 19000";
    assert!(said.contains(part), "{said}");
}

/// Where the same server has one of a longer name.
fn longer(url: &Secret, end: &str) -> Secret {
    let (url, parameters) = url.expose().split_once('?').expect("its parameters");
    Secret::new(format!("{url}{end}?{parameters}"))
}

#[tokio::test]
async fn in_development_a_database_that_is_missing_is_made() {
    let folder = TempDir::new().expect("a folder");
    let mut config = configuration(folder.path(), &[]).database;
    config.url = longer(&config.url, "_too");
    config.direct_url = config.direct_url.map(|url| longer(&url, "_too"));
    for _ in 0..2 {
        let database = Database::open(&config, folder.path()).await;
        database.expect("a database").close().await;
    }
    config.is_made = false;
    config.url = longer(&config.url, "_no");
    Database::open(&config, folder.path())
        .await
        .expect_err("none");
}
