//! The OpenAPI document is a promise to clients: what changes in it is seen in a review.

use service::app::openapi;
use temp_dir::TempDir;

use crate::support::process::run;

const COMMITTED: &str = include_str!("../../docs/openapi.json");

fn generated() -> String {
    let document = serde_json::to_string_pretty(&openapi::document()).expect("a document");
    document + "\n"
}

#[test]
fn the_committed_document_is_current() {
    let generated = generated();
    let differs = COMMITTED
        .lines()
        .zip(generated.lines())
        .find(|(committed, now)| committed != now);
    assert!(
        COMMITTED == generated,
        "docs/openapi.json differs from the code, first in {differs:?}: \
         run `cargo run -q -- openapi > docs/openapi.json` and review what changed for clients"
    );
}

/// A build pipeline prints it, which has no database and no keys.
#[tokio::test]
async fn the_command_needs_no_configuration() {
    let folder = TempDir::new().expect("a folder");
    let printed = run(
        folder.path(),
        &[("APP__ENVIRONMENT", "nowhere")],
        &["openapi"],
    )
    .await;
    assert!(printed.status.success(), "{printed:?}");
    assert_eq!(
        String::from_utf8(printed.stdout).expect("text"),
        generated()
    );
}
