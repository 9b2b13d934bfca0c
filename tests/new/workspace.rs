//! A project inside another Cargo workspace.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{cargo, git, names, new, temp};

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
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "first"]);
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
    assert_eq!(
        git(folder.path(), &["status", "--porcelain"]),
        "",
        "the workspace's manifest is committed too"
    );
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
