//! The `users` command, and what it does to sessions that are there.

use std::{fs, path::Path, process::Output};

use reqwest::StatusCode;
use temp_dir::TempDir;
use tokio::io::AsyncWriteExt as _;

use super::{PASSWORD, PROTECTED, log_in, token};
use crate::support::{
    Client, Process,
    client::problem,
    process::{command, run},
};

struct Scene {
    folder: TempDir,
    process: Process,
}

impl Scene {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let process = Process::start(folder.path(), variables).await;
        Self { folder, process }
    }

    fn client(&self) -> Client {
        Client::new(self.process.address)
    }

    /// What the command says, which succeeds.
    async fn users(&self, arguments: &[&str]) -> String {
        let output = run(self.folder.path(), &[], &[&["users"], arguments].concat()).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// How it refuses.
    async fn refusal(&self, arguments: &[&str]) -> String {
        let output = run(self.folder.path(), &[], &[&["users"], arguments].concat()).await;
        assert!(!output.status.success(), "{arguments:?}");
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).expect("text")
    }

    /// The path of a file with a password in it.
    fn password(&self, text: &str) -> String {
        let path = self.folder.path().join("password");
        fs::write(&path, format!("{text}\n")).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    }

    async fn add(&self, name: &str) {
        let file = self.password(PASSWORD);
        let add = ["add", name, "--tenant", name, "--password-file", &file];
        self.users(&add).await;
    }

    /// A client with a session of the user's.
    async fn session(&self, name: &str) -> Client {
        let id = token(&self.client(), name).await;
        self.client().credential(&format!("Bearer {id}"))
    }

    async fn status(&self, name: &str, password: &str) -> StatusCode {
        log_in(&self.client(), name, password).await.status()
    }
}

async fn with_stdin(folder: &Path, arguments: &[&str], text: &str) -> Output {
    let mut command = command(folder, &[]);
    command.args(arguments).stdin(std::process::Stdio::piped());
    let mut child = command.spawn().expect("a start");
    let mut stdin = child.stdin.take().expect("stdin");
    stdin.write_all(text.as_bytes()).await.expect("it reads");
    drop(stdin);
    child.wait_with_output().await.expect("an end")
}

#[tokio::test]
async fn who_is_added_logs_in_and_is_listed() {
    let scene = Scene::new().await;
    let arguments = [
        "users",
        "add",
        "Ada",
        "--tenant",
        "acme",
        "--scope",
        "documents:read",
    ];
    let added = with_stdin(scene.folder.path(), &arguments, &format!("{PASSWORD}\n")).await;
    assert!(added.status.success(), "{added:?}");
    let client = scene.session("ada").await;
    assert_eq!(client.get(PROTECTED).await.status(), 200);
    let body = crate::support::document("one");
    problem(client.post(PROTECTED, &body).await, 403).await;

    let listed = scene.users(&["list"]).await;
    let [line] = listed.lines().collect::<Vec<_>>()[..] else {
        panic!("one user: {listed}");
    };
    for part in ["ada", "acme", "enabled", "documents:read"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!listed.contains("argon2"), "{listed}");
}

#[tokio::test]
async fn what_cannot_be_right_is_refused() {
    let scene = Scene::new().await;
    scene.add("ada").await;
    let good = scene.password(PASSWORD);
    let missing = format!("{good}.not");
    for (arguments, why) in [
        (
            ["add", "ADA", "--tenant=a", "--password-file", &good].as_slice(),
            "already",
        ),
        (
            &["add", "", "--tenant=a", "--password-file", &good],
            "1 to 255",
        ),
        (
            &["add", "bob", "--tenant=a", "--password-file", &missing],
            "password.not",
        ),
        (&["add", "bob", "--password-file", &good], "--tenant"),
        (
            &["add", "bob", "--tenant=", "--password-file", &good],
            "--tenant",
        ),
        (
            &["set-password", "bob", "--password-file", &good],
            "no user bob",
        ),
    ] {
        let said = scene.refusal(arguments).await;
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    let said = scene.refusal(&["set-scope", "ada", "documents:raed"]).await;
    assert!(said.contains("documents:raed"), "{said}");
    // Nothing stands on its standard input here.
    let said = scene.refusal(&["add", "bob", "--tenant=a"]).await;
    assert!(said.contains("15 to 256"), "{said}");
    assert_eq!(scene.users(&["list"]).await.lines().count(), 1);
}

/// All that a session was begun with: what changes of it ends the session.
#[tokio::test]
async fn a_change_ends_the_sessions_that_are_there() {
    const OTHER: &str = "another horse, another battery";
    let scene = Scene::new().await;
    scene.add("ada").await;
    scene.add("bob").await;
    let bob = scene.session("bob").await;

    let before = scene.session("ada").await;
    scene.users(&["set-scope", "ada", "documents:read"]).await;
    problem(before.get(PROTECTED).await, 401).await;
    let before = scene.session("ada").await;
    problem(before.get("/v1/webhook-endpoints").await, 403).await;

    let file = scene.password(OTHER);
    scene
        .users(&["set-password", "ada", "--password-file", &file])
        .await;
    problem(before.get(PROTECTED).await, 401).await;
    assert_eq!(scene.status("ada", PASSWORD).await, 401);
    assert_eq!(scene.status("ada", OTHER).await, 201);

    scene
        .users(&[
            "set-password",
            "ada",
            "--password-file",
            &scene.password(PASSWORD),
        ])
        .await;
    let before = scene.session("ada").await;
    scene.users(&["disable", "ada"]).await;
    problem(before.get(PROTECTED).await, 401).await;
    assert_eq!(scene.status("ada", PASSWORD).await, 401);
    assert!(scene.users(&["list"]).await.contains("disabled"));
    scene.users(&["enable", "ada"]).await;
    assert_eq!(scene.status("ada", PASSWORD).await, 201);

    assert_eq!(bob.get(PROTECTED).await.status(), 200, "it is not his");
}

/// Whoever guessed at an account is in its user's way no longer.
#[tokio::test]
async fn who_is_let_in_again_is_kept_out_by_nobody() {
    const WRONG: &str = "not the password of hers";
    let scene = Scene::with(&[("APP__AUTH__ATTEMPTS_PER_ACCOUNT", "1")]).await;
    scene.add("ada").await;
    let file = scene.password(PASSWORD);
    let set_password = ["set-password", "ada", "--password-file", &file];
    for arguments in [set_password.as_slice(), &["enable", "ada"]] {
        assert_eq!(scene.status("ada", WRONG).await, 401);
        assert_eq!(scene.status("ada", PASSWORD).await, 429);
        scene.users(arguments).await;
        assert_eq!(scene.status("ada", PASSWORD).await, 201);
    }
}

/// The row is changed, and somebody must know that the sessions go on.
#[tokio::test]
async fn where_redis_is_gone_the_command_says_what_is_left_to_do() {
    let scene = Scene::new().await;
    scene.add("ada").await;
    let gone = [("APP__CACHE__URL", "redis://127.0.0.1:1/0")];
    let arguments = ["users", "disable", "ada"];
    let output = run(scene.folder.path(), &gone, &arguments).await;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("run it once more"), "{said}");
    assert_eq!(scene.status("ada", PASSWORD).await, 401);
    scene.users(&arguments[1..]).await;
}

#[tokio::test]
async fn production_begins_no_session_without_a_login() {
    let scene = Scene::new().await;
    let mut production = crate::support::production::environment();
    production.remove("APP__CACHE__URL");
    let production: Vec<_> = production.into_iter().collect();
    let output = run(scene.folder.path(), &production, &["token"]).await;
    assert!(!output.status.success() && output.stdout.is_empty());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("in development only"), "{said}");
}
