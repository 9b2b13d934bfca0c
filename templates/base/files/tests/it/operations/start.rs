//! The start: a service that cannot work says why and does not run.

use std::{net::TcpListener, process::Output};

use temp_dir::TempDir;

use crate::support::{Client, Process, process::run};

/// What a failed start says; it fails with code 1.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[tokio::test]
async fn a_taken_port_names_its_variable_and_a_free_port() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    for name in ["APP__SERVER__ADDRESS", "APP__ADMIN__ADDRESS"] {
        let _listens = TcpListener::bind(&taken).ok();
        let folder = TempDir::new().expect("a folder");
        let said = refusal(&run(folder.path(), &[(name, &taken)], &["all"]).await);
        let (_, free) = said
            .split_once(&format!("set {name}=127.0.0.1:"))
            .unwrap_or_else(|| panic!("no way out in {said:?}"));
        let free: u16 = free
            .split(',')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        assert!(free > 0 && !taken.ends_with(&format!(":{free}")), "{said}");
    }
}

#[tokio::test]
async fn serve_refuses_a_database_that_is_behind_and_migrate_mends_it() {
    let folder = TempDir::new().expect("a folder");
    let said = refusal(&run(folder.path(), &[], &["serve"]).await);
    assert!(said.contains("run the `migrate` command first"), "{said}");
    assert!(
        said.contains("20260101000100"),
        "the pending ones are named: {said}"
    );

    let migrated = run(folder.path(), &[], &["migrate"]).await;
    assert!(migrated.status.success(), "{migrated:?}");
    let again = run(folder.path(), &[], &["migrate"]).await;
    let again = String::from_utf8(again.stdout).expect("text");
    assert_eq!(again.trim(), "the database is up to date");

    let process = Process::start_as("serve", folder.path(), &[]).await;
    assert_eq!(Client::new(process.admin).get("/ready").await.status(), 200);
    assert!(process.terminate().await.success());
}

/// For a service called `orders`, Kubernetes sets ORDERS_PORT=tcp://… in every pod of its namespace.
#[tokio::test]
async fn variables_of_kubernetes_services_change_nothing() {
    let name = env!("CARGO_PKG_NAME").replace('-', "_").to_uppercase();
    let mut links = Vec::new();
    for service in [name.as_str(), "APP", "SERVER"] {
        links.push((format!("{service}_PORT"), "tcp://10.0.0.1:80"));
        links.push((format!("{service}_PORT_80_TCP"), "tcp://10.0.0.1:80"));
        links.push((format!("{service}_SERVICE_HOST"), "10.0.0.1"));
        links.push((format!("{service}_SERVICE_PORT"), "80"));
    }
    let links: Vec<(&str, &str)> = links
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let folder = TempDir::new().expect("a folder");
    let process = Process::start(folder.path(), &links).await;
    assert_eq!(Client::new(process.admin).get("/ready").await.status(), 200);
    assert!(process.terminate().await.success());
}
