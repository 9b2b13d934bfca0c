//! The key that secrets are sealed with is rotated, and no receiver notices.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::json;
use temp_dir::TempDir;

use super::{TENANT, open, register, secret, send};
use crate::support::{Client, Process, process::run, receiver::Receiver};

const OLD: &str = "the old key, of 32 characters at least";
const NEW: &str = "the new key, of 32 characters at least";

/// The key and the other one, if there is one.
type Keys = (&'static str, Option<&'static str>);

fn variables((key, other): Keys) -> Vec<(&'static str, &'static str)> {
    let other = other.map(|other| ("APP__WEBHOOKS__OTHER_KEY", other));
    let key = [
        ("APP__WEBHOOKS__KEY", key),
        ("APP__JOBS__POLL_INTERVAL", "100ms"),
    ];
    key.into_iter().chain(other).collect()
}

/// A process with these keys, and its client.
async fn start(folder: &Path, keys: Keys) -> (Process, Client) {
    let variables = variables(keys);
    let process = Process::start(folder, &variables).await;
    let client = process.client(TENANT).await;
    (process, client)
}

/// Whether all of it was done, and what was said.
async fn reseal(folder: &Path, keys: Keys) -> (bool, String) {
    let done = run(folder, &variables(keys), &["webhooks", "reseal"]).await;
    let said = String::from_utf8([done.stdout, done.stderr].concat()).expect("text");
    (done.status.success(), said)
}

#[tokio::test]
async fn while_the_key_is_rotated_each_delivery_is_signed_as_before() {
    let folder = TempDir::new().expect("a folder");
    let receiver = Receiver::start([]).await;
    let (process, client) = start(folder.path(), (OLD, None)).await;
    let endpoint = register(&client, &receiver).await;
    let former = secret(&client, &endpoint).await;
    let rotate = format!("{endpoint}/secret/rotate");
    let rotated = client.post(&rotate, &json!({})).await;
    assert_eq!(rotated.status(), StatusCode::OK);
    let current = secret(&client, &endpoint).await;
    process.terminate().await;

    let app = open(folder.path()).await;
    let steps = [(OLD, Some(NEW)), (NEW, Some(OLD)), (NEW, None)];
    for (number, keys) in (1..).zip(steps) {
        if keys == (NEW, None) {
            let done = (true, "1 sealed anew\n".to_owned());
            assert_eq!(reseal(folder.path(), (NEW, Some(OLD))).await, done);
        }
        let (process, client) = start(folder.path(), keys).await;
        assert_eq!(secret(&client, &endpoint).await, current, "{keys:?}");
        send(&app, &endpoint, &receiver.url()).await;
        let received = receiver.receives(number).await;
        assert_eq!(received.signatures().len(), 2, "{keys:?}");
        assert!(received.is_signed_with(&former) && received.is_signed_with(&current));
        process.terminate().await;
    }
    let nothing = (true, "0 sealed anew\n".to_owned());
    assert_eq!(reseal(folder.path(), (NEW, None)).await, nothing);
    let (is_done, said) = reseal(folder.path(), (OLD, None)).await;
    assert!(
        !is_done && said.contains("1 are sealed with a key that is neither"),
        "{said}"
    );
}
