//! A project inside another Cargo workspace.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    support::{cargo, files, git, names, new, temp},
    targets::Mounted,
};

fn workspace(manifest: &str) -> TempDir {
    let folder = temp();
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    folder
}

const EMPTY: &str = "[workspace]\nresolver = \"3\"\nmembers = [\n    # services\n]\n";

#[test]
fn the_owner_is_asked_to_decide() {
    let folder = workspace(EMPTY);
    let texts = ["inside another Cargo workspace", "--member", "--standalone"];
    new("services/orders --yes").within(folder.path()).fails(2, &texts);
    assert_eq!(names(folder.path()), ["Cargo.toml"]);
}

#[test]
fn a_member_joins_and_leaves_to_the_workspace_what_is_the_workspaces() {
    let folder = workspace(EMPTY);
    commit_all(folder.path());
    new("services/orders --yes --member").within(folder.path()).succeeds();
    let root = fs::read_to_string(folder.path().join("Cargo.toml")).unwrap();
    assert!(root.contains("services/orders"), "{root}");
    let project = folder.path().join("services/orders");
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("[profile"), "{manifest}");
    assert!(!project.join("Cargo.lock").exists());
    let state = fs::read_to_string(project.join("formwork.toml")).unwrap();
    assert!(state.contains("workspace = \"member\""), "{state}");
    assert_eq!(members(&folder), ["orders"]);
    assert_locked(folder.path(), &["orders"]);
    assert_eq!(
        git(folder.path(), &["status", "--porcelain"]),
        "",
        "the workspace's manifest and its new lock are committed too"
    );
    let mode = fs::metadata(folder.path().join("Cargo.lock")).unwrap().permissions().mode();
    assert_eq!(mode, fs::metadata(project.join("Cargo.toml")).unwrap().permissions().mode());
}

#[test]
fn a_lock_that_was_missing_has_the_versions_that_were_tested() {
    let folder = workspace(EMPTY);
    new("alone/orders --yes --standalone --no-git").within(folder.path()).succeeds();
    new("services/orders --yes --member --no-git").within(folder.path()).succeeds();
    let lock = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
    assert_eq!(lock("Cargo.lock"), lock("alone/orders/Cargo.lock"));
}

#[test]
fn the_workspaces_lock_is_repaired_from_what_it_has_and_committed_with_the_member() {
    let folder = with_lock();
    fs::write(folder.path().join("notes"), "mine").unwrap();
    new("services/orders --yes --member").within(folder.path()).succeeds();
    assert_locked(folder.path(), &["lib", "orders"]);
    assert_eq!(locked(folder.path(), "itoa"), ["1.0.14"], "the owner's version serves both");
    assert!(!locked(folder.path(), "axum").is_empty());
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), "?? notes");
    assert_eq!(git(folder.path(), &["rev-list", "--count", "HEAD"]), "2");
    let changed = git(folder.path(), &["show", "--format=", "--name-only"]);
    let (shared, project): (Vec<_>, Vec<_>) =
        changed.lines().partition(|path| !path.starts_with("services/orders/"));
    assert_eq!(shared, ["Cargo.lock", "Cargo.toml"]);
    assert!(project.contains(&"services/orders/formwork.toml"));
}

#[test]
fn without_git_the_lock_is_repaired_all_the_same() {
    let folder = with_lock();
    let said = new("services/orders --yes --member --no-git").within(folder.path()).succeeds();
    assert!(said.contains("not committed: --no-git"), "{said}");
    assert_locked(folder.path(), &["lib", "orders"]);
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), " M Cargo.lock\n M Cargo.toml\n?? services/");
}

#[test]
fn a_lock_that_git_ignores_stays_out_of_git() {
    let folder = with_lock();
    git(folder.path(), &["rm", "--quiet", "--cached", "Cargo.lock"]);
    fs::write(folder.path().join(".gitignore"), "Cargo.lock\n").unwrap();
    commit_all(folder.path());
    new("services/orders --yes --member").within(folder.path()).succeeds();
    assert_locked(folder.path(), &["lib", "orders"]);
    assert_eq!(git(folder.path(), &["ls-files", "Cargo.lock"]), "");
    let state = git(folder.path(), &["status", "--porcelain", "--ignored"]);
    assert_eq!(state, "!! Cargo.lock");
}

#[test]
fn a_lock_with_changes_is_repaired_and_left_for_its_owner_to_commit() {
    for hide in [None, Some("--assume-unchanged"), Some("--skip-worktree")] {
        let folder = with_lock();
        let lock = folder.path().join("Cargo.lock");
        let committed = fs::read_to_string(&lock).unwrap();
        let (version, checksum) = ITOA[1];
        fs::write(&lock, committed.replace(ITOA[0].0, version).replace(ITOA[0].1, checksum)).unwrap();
        let reason = match hide {
            None => "git has uncommitted changes there: Cargo.lock",
            Some(flag) => {
                git(folder.path(), &["update-index", flag, "Cargo.lock"]);
                "git was told not to look at Cargo.lock"
            }
        };
        let said = new("services/orders --yes --member").within(folder.path()).succeeds();
        assert!(said.contains(&format!("not committed: {reason}")), "{said}");
        assert_eq!(git(folder.path(), &["rev-list", "--count", "HEAD"]), "1");
        assert_eq!(git(folder.path(), &["show", "HEAD:Cargo.lock"]), committed.trim_end());
        assert_locked(folder.path(), &["lib", "orders"]);
        assert_eq!(locked(folder.path(), "itoa"), [version], "what its owner wrote is kept");
    }
}

#[test]
fn a_workspace_that_cargo_cannot_resolve_is_as_it_was() {
    let folder = with_lock();
    let before = files(folder.path());
    fs::create_dir(folder.path().join("services")).unwrap();
    let registry = "cannot bring Cargo.lock up to date; nothing was changed";
    new("services/orders --yes --member --offline")
        .within(folder.path())
        .env("CARGO_HOME", folder.path().join("empty"))
        .fails(3, &[registry, "leave out --offline", "--standalone keeps the project apart"]);
    // The name is taken, and cargo says by what: in the workspace's own paths.
    let taken = folder.path().canonicalize().unwrap().join("lib/Cargo.toml");
    new("services/other --yes --member --name lib")
        .within(folder.path())
        .fails(3, &["two packages named `lib`", &format!("- {}", taken.display())]);
    let _ = fs::remove_dir_all(folder.path().join("empty"));
    assert_eq!(names(&folder.path().join("services")), [""; 0]);
    assert!(files(folder.path()) == before);
}

#[test]
fn a_lock_that_does_not_read_is_no_base_for_another() {
    let folder = with_lock();
    let lock = folder.path().join("Cargo.lock");
    fs::write(&lock, "<<<<<<< HEAD\n").unwrap();
    let texts = ["this lock file does not read", "Cargo.lock"];
    new("services/orders --yes --member").within(folder.path()).fails(2, &texts);
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let texts = ["a file of the workspace cannot be read", "Cargo.lock"];
    new("services/orders --yes --member").within(folder.path()).fails(2, &texts);
    assert_eq!(names(folder.path()), [".git", "Cargo.lock", "Cargo.toml", "lib"]);
}

#[test]
fn a_workspace_that_cannot_be_written_to_is_left_as_it_was() {
    let folder = temp();
    let root = folder.path().join("root");
    let services = root.join("services");
    fs::create_dir(&root).unwrap();
    // Permissions do not stop root; a file system that is read-only does.
    let outer = mount(&["-t", "tmpfs", "tmpfs"], &root);
    write_workspace(&root);
    fs::create_dir(&services).unwrap();
    let inner = mount(&["-t", "tmpfs", "tmpfs"], &services);
    let is_mounted = outer.is_some() && inner.is_some();
    match is_mounted {
        true => assert!(runs("mount", &["-o", "remount,ro"], &root)),
        false => fs::set_permissions(&root, fs::Permissions::from_mode(0o555)).unwrap(),
    }
    let before = files(&root);
    let texts = ["cannot be written to", "nothing was left behind"];
    new("services/orders --yes --member --no-git").within(&root).fails(1, &texts);
    assert_eq!(names(&services), [""; 0]);
    assert!(files(&root) == before);
    if !is_mounted {
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn what_was_done_is_taken_back_where_the_manifest_cannot_be_replaced() {
    let folder = with_lock();
    let root = folder.path();
    fs::create_dir_all(root.join("services/orders")).unwrap();
    // A file that something is mounted on cannot be replaced, and nothing tells before.
    let manifest = root.join("Cargo.toml");
    let Some(mounted) = mount(&["--bind", manifest.to_str().unwrap()], &manifest) else {
        eprintln!("SKIPPED what_was_done_is_taken_back…: mounting a file needs root");
        return;
    };
    let before = files(root);
    let texts = ["cannot write the project", "Cargo.toml", "nothing was left behind"];
    new("services/orders --yes --member").within(root).fails(1, &texts);
    assert!(files(root) == before);
    assert_eq!(names(root), [".git", "Cargo.lock", "Cargo.toml", "lib", "services"]);
    assert_eq!(names(&root.join("services")), ["orders"], "the empty folder is there again");
    drop(mounted);
    assert_eq!(git(root, &["status", "--porcelain"]), "");
}

#[test]
fn crates_beside_the_workspace_and_behind_links_are_found() {
    let folder = temp();
    let root = folder.path().join("w");
    write_workspace(&root);
    let write = |path: &str, text: &str| {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap().join("src")).unwrap();
        fs::write(file.parent().unwrap().join("src/lib.rs"), "").unwrap();
        fs::write(file, text).unwrap();
    };
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
    write("beside/Cargo.toml", &(package("beside") + "workspace = \"../w\"\n"));
    write(
        "other/Cargo.toml",
        &(package("other") + "[dependencies]\nlib = { path = \"../w/lib\" }\n[workspace]\n"),
    );
    write("linked/Cargo.toml", &package("linked"));
    symlink("../linked", root.join("linked")).unwrap();
    write("w/user/Cargo.toml", &(package("user") + "[dependencies]\nother = { path = \"../../other\" }\n"));
    let members = "[workspace]\nresolver = \"3\"\nmembers = [\"lib\", \"user\", \"linked\", \"../beside\", \"services/*\"]\n";
    fs::write(root.join("Cargo.toml"), members).unwrap();
    new("services/orders --yes --member --no-git").within(&root).succeeds();
    assert_locked(&root, &["beside", "lib", "linked", "orders", "other", "user"]);
    assert_eq!(fs::read_to_string(root.join("Cargo.toml")).unwrap(), members, "a pattern covers it");
}

#[test]
fn two_members_at_once_are_both_members() {
    let folder = with_lock();
    fs::create_dir(folder.path().join("services")).unwrap();
    let children = ["orders", "bills", "mails"].map(|name| {
        let run = new(&format!("services/{name} --yes --member --no-git")).within(folder.path());
        let mut command = run.0;
        command.stdout(Stdio::null()).spawn().unwrap()
    });
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_locked(folder.path(), &["bills", "lib", "mails", "orders"]);
    assert_eq!(names(&folder.path().join("services")), ["bills", "mails", "orders"]);
}

#[test]
fn interrupted_or_killed_while_cargo_is_at_work_nothing_is_left() {
    let folder = with_lock();
    let before = files(folder.path());
    let programs = temp();
    let script = format!("#!/bin/sh\ntouch '{}/called'\nexec sleep 20\n", programs.path().display());
    fs::write(programs.path().join("cargo"), script).unwrap();
    fs::set_permissions(programs.path().join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    for (signal, code) in [("TERM", Some(130)), ("KILL", None)] {
        let run = new("services/orders --yes --member").within(folder.path());
        let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
        let mut command = run.env("PATH", path).env("TMPDIR", programs.path()).0;
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !programs.path().join("called").exists() {
            assert!(begun.elapsed() < Duration::from_secs(60), "cargo is not called");
            thread::sleep(Duration::from_millis(5));
        }
        fs::remove_file(programs.path().join("called")).unwrap();
        let _ = Command::new("kill").args(["-s", signal, &child.id().to_string()]).output().unwrap();
        assert_eq!(child.wait().unwrap().code(), code);
        assert!(begun.elapsed() < Duration::from_secs(15), "it waits for cargo");
        assert!(files(folder.path()) == before, "after SIG{signal}");
        assert_eq!(names(folder.path()), [".git", "Cargo.lock", "Cargo.toml", "lib"]);
        if signal == "TERM" {
            assert_eq!(names(programs.path()), ["cargo"], "the mirror goes with the run");
        }
    }
}

#[test]
fn a_standalone_project_is_apart_and_keeps_its_lock() {
    let folder = workspace("[workspace]\nmembers = [\"services/*\"]\n");
    new("services/orders --yes --standalone --no-git").within(folder.path()).succeeds();
    let project = folder.path().join("services/orders");
    assert!(project.join("Cargo.lock").is_file());
    let metadata = cargo(&project, &["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata.stdout).unwrap();
    let root = metadata["workspace_root"].as_str().unwrap();
    assert!(root.ends_with("services/orders"), "{root}");
}

#[test]
fn a_workspace_that_excludes_the_folder_is_none() {
    let folder = workspace("[workspace]\nexclude = [\"services\"]\n");
    new("services/orders --yes --no-git").within(folder.path()).succeeds();
    new("services/bills --yes --member").within(folder.path()).fails(2, &["no Cargo workspace around"]);
}

#[test]
fn a_package_around_is_no_workspace() {
    let folder = workspace("[package]\nname = \"outer\"\n");
    new("orders --yes --no-git").within(folder.path()).succeeds();
}

fn members(folder: &TempDir) -> Vec<String> {
    let outcome = cargo(folder.path(), &["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let metadata: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect()
}

/// Two versions of a crate that each project has, with their checksums.
const ITOA: [(&str, &str); 2] = [
    ("1.0.14", "d75a2a4b1b190afb6f5425f10f6a8f959d2ea0b9c2b1d79553551850539e4674"),
    ("1.0.15", "4a5f13b858c8d314ee3e8f639011f7ccefe71f97f96e50151fb991f267928e2c"),
];

/// A repository that is a workspace with one member, which uses an older crate, and with its lock; all is committed.
fn with_lock() -> TempDir {
    let folder = temp();
    write_workspace(folder.path());
    commit_all(folder.path());
    folder
}

fn write_workspace(root: &Path) {
    fs::create_dir_all(root.join("lib/src")).unwrap();
    fs::write(root.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"lib\"]\n").unwrap();
    let manifest = "[package]\nname = \"lib\"\nedition = \"2024\"\n\n[dependencies]\nitoa = \"1\"\n";
    fs::write(root.join("lib/Cargo.toml"), manifest).unwrap();
    fs::write(root.join("lib/src/lib.rs"), "").unwrap();
    let (version, checksum) = ITOA[0];
    let lock = format!(
        "# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\nversion = 4\n\n\
         [[package]]\nname = \"itoa\"\nversion = \"{version}\"\n\
         source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{checksum}\"\n\n\
         [[package]]\nname = \"lib\"\nversion = \"0.0.0\"\ndependencies = [\n \"itoa\",\n]\n"
    );
    fs::write(root.join("Cargo.lock"), lock).unwrap();
}

fn commit_all(folder: &Path) {
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message", "by the owner"]);
}

/// What `cargo build --locked` asks of a lock; these packages are the workspace's or stand beside it.
#[track_caller]
fn assert_locked(folder: &Path, own: &[&str]) {
    let outcome = cargo(folder, &["metadata", "--locked", "--format-version", "1"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let metadata: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let here = packages.filter(|package| package["source"].is_null());
    let mut names: Vec<_> = here.map(|package| package["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, own);
}

fn locked(folder: &Path, name: &str) -> Vec<String> {
    let lock: toml::Table = fs::read_to_string(folder.join("Cargo.lock")).unwrap().parse().unwrap();
    let packages = lock["package"].as_array().unwrap().iter();
    let named = packages.filter(|package| package["name"].as_str() == Some(name));
    named.map(|package| package["version"].as_str().unwrap().to_owned()).collect()
}

/// Nothing where this is not allowed.
fn mount<'a>(arguments: &[&str], at: &'a Path) -> Option<Mounted<'a>> {
    runs("mount", arguments, at).then(|| Mounted(at))
}

fn runs(program: &str, arguments: &[&str], at: &Path) -> bool {
    let output = Command::new(program).args(arguments).arg(at).output();
    output.is_ok_and(|output| output.status.success())
}
