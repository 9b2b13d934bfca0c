//! The key pair of the data folder, and the command that signs with it.

use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use jsonwebtoken::decode_header;
use service::{app::caller::Anonymous, config::Stage};
use temp_dir::TempDir;
use tokio::task::JoinSet;

use super::{configuration, identify, start};
use crate::support::{Process, process::run, production};

/// What `token` prints with these arguments, on this folder.
async fn token(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, &[], &[&["token"], arguments].concat()).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let token = String::from_utf8(output.stdout).expect("text");
    token.trim().to_owned()
}

/// How `token` refuses.
async fn refusal(folder: &Path, variables: &[(&str, &str)]) -> String {
    let output = run(folder, variables, &["token"]).await;
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).expect("text")
}

fn development(folder: &Path) -> service::config::Config {
    let folder = folder.to_str().expect("UTF-8");
    let variables = [
        ("APP__DATA__DIRECTORY", folder),
        ("APP__AUTH__ISSUER", "development"),
        ("APP__AUTH__AUDIENCE", env!("CARGO_PKG_NAME")),
        // A slow machine may look at a token long after it was made.
        ("APP__AUTH__LEEWAY", "5m"),
    ];
    configuration(&variables).expect("a good configuration")
}

#[tokio::test]
async fn a_token_of_the_command_is_whom_it_was_asked_for() {
    let folder = TempDir::new().expect("a folder");
    let asked = ["--subject", "ada", "--tenant", "acme", "--scope", "a b"];
    let token = token(folder.path(), &asked).await;
    let authenticator = start(&development(folder.path())).await.expect("a start");
    let caller = identify(&authenticator, &token).await.expect("a caller");
    assert_eq!(
        (caller.subject.as_str(), caller.tenant.as_str()),
        ("ada", "acme")
    );
    assert_eq!(*caller.scopes, ["a", "b"].map(str::to_owned).into());
}

#[tokio::test]
async fn the_command_also_makes_tokens_to_be_refused() {
    let folder = TempDir::new().expect("a folder");
    let authenticator = start(&development(folder.path())).await.expect("a start");
    for (arguments, why) in [
        (["--expired"].as_slice(), "the token has expired"),
        (
            &["--audience", "another"],
            "the token is for another audience",
        ),
    ] {
        let token = token(folder.path(), arguments).await;
        let refused = identify(&authenticator, &token).await;
        assert_eq!(refused, Err(Anonymous::Invalid(why)));
    }
    let short = token(folder.path(), &["--ttl", "0s"]).await;
    // Over already, but within the leeway.
    assert!(identify(&authenticator, &short).await.is_ok());
}

#[tokio::test]
async fn processes_that_start_at_once_have_one_key_pair() {
    let folder = TempDir::new().expect("a folder");
    let mut commands = JoinSet::new();
    for _ in 0..8 {
        let folder = folder.path().to_owned();
        commands.spawn(async move { token(&folder, &[]).await });
    }
    let server = Process::start(folder.path(), &[]).await;
    let tokens = commands.join_all().await;
    let kids = tokens.iter().map(|token| {
        let header = decode_header(token).expect("a header");
        header.kid.expect("a key")
    });
    assert_eq!(kids.collect::<HashSet<_>>().len(), 1);
    let client = crate::support::Client::new(server.address);
    for token in tokens {
        let client = client.clone().credential(&format!("Bearer {token}"));
        assert!(client.get(super::PROTECTED).await.status().is_success());
    }
    assert!(server.terminate().await.success());
}

#[tokio::test]
async fn the_key_file_is_for_its_owner_alone_and_not_for_git() {
    let folder = TempDir::new().expect("a folder");
    token(folder.path(), &[]).await;
    let file = folder.path().join("development-key.der");
    let mode = fs::metadata(file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let directory = configuration(&[]).expect("a configuration").data.directory;
    let ignored = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.gitignore"));
    let ignored = ignored.expect("a .gitignore");
    let mut ignored = ignored
        .lines()
        .map(|line| Path::new(line.trim_matches('/')));
    assert!(ignored.any(|path| path == directory), "{directory:?}");
}

#[tokio::test]
async fn production_refuses_the_key_pair() {
    let folder = TempDir::new().expect("a folder");
    token(folder.path(), &[]).await;

    let mut config = development(folder.path());
    config.stage = Stage::Production;
    let error = start(&config).await.err().expect("a refusal");
    assert!(error.to_string().contains("APP__AUTH__JWKS"), "{error}");

    let message = refusal(folder.path(), &[("APP__ENVIRONMENT", "production")]).await;
    assert!(message.contains("APP__AUTH__JWKS must be set"), "{message}");
}

#[tokio::test]
async fn the_command_refuses_where_its_token_would_be_refused() {
    let folder = TempDir::new().expect("a folder");
    let mut production = production::environment();
    production.insert("APP__AUTH__JWKS", "keys.json");
    let production: Vec<_> = production.into_iter().collect();
    let message = refusal(folder.path(), &production).await;
    assert!(message.contains("in development only"), "{message}");
    let message = refusal(folder.path(), &[("APP__AUTH__JWKS", "keys.json")]).await;
    assert!(message.contains("unset it"), "{message}");
}
