//! What only a database on a server does.

use temp_dir::TempDir;

use crate::support::process::run;

#[tokio::test]
async fn a_start_without_the_database_says_what_and_why_and_no_password() {
    let folder = TempDir::new().expect("a folder");
    let variables = [
        (
            "APP__DATABASE__URL",
            "postgres://ada:correct-horse@127.0.0.1:1/orders",
        ),
        ("APP__DATABASE__ACQUIRE_TIMEOUT", "100ms"),
    ];
    let refused = run(folder.path(), &variables, &["all"]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).expect("text");
    for part in [
        "error:",
        "postgres://127.0.0.1:1/orders",
        "APP__DATABASE__URL",
    ] {
        assert!(said.contains(part), "{part} is missing in {said:?}");
    }
    assert!(!said.contains("correct-horse"), "{said}");
}
