//! The first commit, in a repository of its own or in the one around the project.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use tempfile::TempDir;

use crate::support::{git, names, new, temp};

/// A repository with one commit, one staged file and one changed file.
fn repository() -> TempDir {
    let folder = temp();
    git(folder.path(), &["init", "--quiet", "--initial-branch=trunk"]);
    fs::write(folder.path().join("README"), "one\n").unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "first"]);
    fs::write(folder.path().join("staged"), "two\n").unwrap();
    git(folder.path(), &["add", "staged"]);
    fs::write(folder.path().join("README"), "changed\n").unwrap();
    folder
}

const UNTOUCHED: &str = " M README\nA  staged";

fn log(folder: &Path) -> String {
    git(folder, &["log", "--format=%an <%ae>|%cn|%s"])
}

#[test]
fn a_project_on_its_own_is_a_repository_with_one_commit_of_ours() {
    let folder = temp();
    let hooks = folder.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    for hook in ["pre-commit", "commit-msg", "post-commit", "prepare-commit-msg"] {
        fs::write(hooks.join(hook), "#!/bin/sh\nexit 1\n").unwrap();
        fs::set_permissions(hooks.join(hook), fs::Permissions::from_mode(0o755)).unwrap();
    }
    // Hooks that fail, signing with a key that is not there, another repository named by the environment.
    let config = format!(
        "[core]\nhooksPath = {}\nexcludesFile = {}\n[commit]\ngpgSign = true\n[user]\nsigningKey = nobody\n",
        hooks.display(),
        folder.path().join("ignore").display()
    );
    fs::write(folder.path().join(".gitconfig"), config).unwrap();
    fs::write(folder.path().join("ignore"), "Cargo.lock\n*.rs\n").unwrap();
    new("orders --yes")
        .within(folder.path())
        .env("HOME", folder.path())
        .env("GIT_DIR", folder.path().join("other.git"))
        .env("GIT_INDEX_FILE", folder.path().join("other.index"))
        .succeeds();
    let project = folder.path().join("orders");
    let subject = format!("Pour orders with formwork {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(log(&project), format!("formwork <formwork@formwork.invalid>|formwork|{subject}"));
    assert_eq!(git(&project, &["status", "--porcelain", "--ignored"]), "");
    assert!(git(&project, &["ls-files"]).lines().any(|file| file == "Cargo.lock"));
    assert!(git(&project, &["log", "--format=%(trailers:key=Formwork-Tree)"]).contains("sha256:"));
    assert!(!folder.path().join("other.git").exists());
}

#[test]
fn without_git_there_is_no_repository() {
    let folder = temp();
    new("orders --yes --no-git").within(folder.path()).succeeds();
    assert!(!folder.path().join("orders/.git").exists());
}

#[test]
fn without_git_on_the_machine_the_way_out_is_named() {
    let folder = temp();
    new("orders --yes")
        .within(folder.path())
        .env("PATH", "/nowhere")
        .fails(3, &["git does not start", "--no-git"]);
    assert!(names(folder.path()).is_empty());
    new("orders --yes --no-git").within(folder.path()).env("PATH", "/nowhere").succeeds();
}

#[test]
fn inside_a_repository_the_render_alone_is_committed() {
    let folder = repository();
    let said = new("services/orders --yes").within(folder.path()).succeeds();
    assert!(said.contains("committed in the repository"), "{said}");
    assert!(!folder.path().join("services/orders/.git").exists());
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), UNTOUCHED);
    let files = git(folder.path(), &["show", "--format=", "--name-only"]);
    assert!(files.lines().count() > 20 && files.lines().all(|file| file.starts_with("services/orders/")));
    assert!(log(folder.path()).starts_with("formwork <"));
    assert_eq!(log(folder.path()).lines().count(), 2);
}

#[test]
fn inside_a_repository_without_a_commit_the_render_is_the_first() {
    let folder = temp();
    git(folder.path(), &["init", "--quiet"]);
    fs::write(folder.path().join("staged"), "").unwrap();
    git(folder.path(), &["add", "staged"]);
    new("orders --yes").within(folder.path()).succeeds();
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), "A  staged");
    assert_eq!(log(folder.path()).lines().count(), 1);
}

#[test]
fn what_git_cannot_take_alone_is_left_to_its_owner() {
    let dirty = repository();
    fs::create_dir(dirty.path().join("orders")).unwrap();
    fs::write(dirty.path().join("orders/old"), "").unwrap();
    git(dirty.path(), &["add", "orders"]);
    git(dirty.path(), &["commit", "--quiet", "--message", "old", "--", "orders"]);
    fs::remove_dir_all(dirty.path().join("orders")).unwrap();
    let said = new("orders --yes").within(dirty.path()).succeeds();
    assert!(said.contains("not committed: git has uncommitted changes there"), "{said}");
    assert_eq!(log(dirty.path()).lines().count(), 2);

    let ignored = repository();
    fs::write(ignored.path().join(".git/info/exclude"), "orders\n").unwrap();
    let said = new("orders --yes").within(ignored.path()).succeeds();
    assert!(said.contains("not committed: git ignores that path"), "{said}");
    assert_eq!(git(ignored.path(), &["status", "--porcelain"]), UNTOUCHED);
}

#[test]
fn a_merge_under_way_is_not_disturbed() {
    let folder = repository();
    git(folder.path(), &["checkout", "--quiet", "--force", "-b", "side"]);
    fs::write(folder.path().join("README"), "side\n").unwrap();
    git(folder.path(), &["commit", "--quiet", "--all", "--message", "side"]);
    git(folder.path(), &["checkout", "--quiet", "trunk"]);
    fs::write(folder.path().join("other"), "").unwrap();
    git(folder.path(), &["add", "other"]);
    git(folder.path(), &["commit", "--quiet", "--message", "trunk"]);
    git(folder.path(), &["merge", "--quiet", "--no-commit", "--no-ff", "side"]);
    let before = git(folder.path(), &["status", "--porcelain"]);
    let said = new("orders --yes").within(folder.path()).succeeds();
    assert!(said.contains("not committed: "), "{said}");
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), format!("{before}\n?? orders/"));
    assert!(folder.path().join(".git/MERGE_HEAD").exists());
}
