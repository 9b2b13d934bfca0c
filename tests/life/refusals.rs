//! What a merge must not be mixed with, and the way out of each.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use crate::support::{Templates, all_files, assert_nothing_is_left, commit, git, temp, try_git, write};

#[track_caller]
fn refused(templates: &Templates, project: &std::path::Path, texts: &[&str]) {
    let before = (all_files(project), try_git(project, &["status", "--porcelain"]).stdout);
    let error = templates.try_update(project).err().unwrap();
    let said = format!("{error} {}", error.help.join(" "));
    texts.iter().for_each(|text| assert!(said.contains(text), "{text:?} is not in: {said}"));
    assert_eq!((all_files(project), try_git(project, &["status", "--porcelain"]).stdout), before);
}

#[test]
fn changes_that_are_not_committed() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("README.md", "## Test it", "## Try it");
    refused(&templates, &service.path, &["not committed", "README.md", "git commit", "git stash"]);
    service.git(&["add", "--all"]);
    refused(&templates, &service.path, &["not committed", "README.md"]);
}

/// git was told not to look at it, and would refuse to write over it all the same.
#[test]
fn a_change_that_git_was_told_not_to_see() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    templates.edit("base/files/src/router.rs", "    20\n", "    30\n");
    service.git(&["update-index", "--assume-unchanged", "src/router.rs"]);
    // Of another length: git itself, which is to take it back below, may overlook another.
    service.edit("src/router.rs", "    20\n", "    250\n");
    refused(
        &templates,
        &service.path,
        &["not as they are committed", "src/router.rs", "--no-assume-unchanged"],
    );
    service.git(&["update-index", "--no-assume-unchanged", "src/router.rs"]);
    service.git(&["checkout", "--quiet", "src/router.rs"]);
    templates.update(&service.path);
}

/// git takes a file of the same length and time for the same; `git status` here writes the index anew, and then nothing tells.
#[test]
fn a_change_that_only_a_look_into_the_file_shows() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    templates.edit("base/files/src/router.rs", "    20\n", "    30\n");
    let set_time = |file: &str, time: SystemTime| {
        fs::File::options().write(true).open(service.path.join(file)).unwrap().set_modified(time).unwrap();
    };
    let time = SystemTime::now() - Duration::from_secs(3_600);
    service.git(&["config", "core.trustctime", "false"]);
    set_time("src/router.rs", time);
    service.git(&["update-index", "--refresh"]);
    service.git(&["update-index", "--assume-unchanged", "src/router.rs"]);
    service.edit("src/router.rs", "    20\n", "    25\n");
    set_time("src/router.rs", time);
    set_time(".git/index", time);
    refused(&templates, &service.path, &["not as they are committed", "src/router.rs"]);
    // Nor does git know when it is told to look.
    service.git(&["update-index", "--no-assume-unchanged", "src/router.rs"]);
    assert_eq!(service.git(&["status", "--porcelain"]), "");
    refused(&templates, &service.path, &["not as they are committed", "src/router.rs"]);
}

/// git would write the others, and stop.
#[test]
fn a_file_that_is_not_checked_out() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    templates.edit("base/files/src/router.rs", "    20\n", "    30\n");
    service.git(&["update-index", "--skip-worktree", "src/router.rs"]);
    refused(&templates, &service.path, &["not checked out", "src/router.rs", "--no-skip-worktree"]);
    assert_nothing_is_left(&service.path);
    service.git(&["update-index", "--no-skip-worktree", "src/router.rs"]);
    templates.update(&service.path);
}

#[test]
fn something_staged_elsewhere_in_the_repository() {
    let templates = Templates::new();
    let house = temp();
    git(house.path(), &["init", "--quiet"]);
    write(house.path(), "README.md", "# The house\n");
    commit(house.path());
    templates.pour_at(&house.path().join("orders"), &[]);
    write(house.path(), "other.txt", "staged\n");
    git(house.path(), &["add", "other.txt"]);
    refused(&templates, &house.path().join("orders"), &["not committed", "other.txt"]);
}

#[test]
fn a_merge_a_rebase_and_a_cherry_pick_under_way() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    for (branch, text) in [("one", "One"), ("other", "Other")] {
        service.git(&["checkout", "--quiet", "-b", branch, "main"]);
        service.edit("README.md", "## Test it", &format!("## {text}"));
        service.commit();
    }
    for (begin, what, command) in [
        ("merge", "a merge", "git merge --abort"),
        ("rebase", "a rebase", "git rebase --abort"),
        ("cherry-pick", "cherry-pick", "git cherry-pick --abort"),
    ] {
        assert_eq!(try_git(&service.path, &[begin, "one"]).code, Some(1));
        refused(&templates, &service.path, &[what, command]);
        service.git(&[begin, "--abort"]);
    }
}

#[test]
fn no_repository_no_commit_and_a_project_that_git_does_not_know() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    fs::remove_dir_all(service.path.join(".git")).unwrap();
    refused(&templates, &service.path, &["no git repository", "git init"]);
    service.git(&["init", "--quiet"]);
    refused(&templates, &service.path, &["no commit yet", "git commit"]);
    service.git(&["commit", "--quiet", "--allow-empty", "--message", "empty"]);
    refused(&templates, &service.path, &["not committed", "git add"]);
}

#[test]
fn a_folder_that_is_no_project_and_a_record_that_does_not_read() {
    let templates = Templates::new();
    let folder = temp();
    let error = templates.try_update(folder.path()).err().unwrap();
    assert!(error.to_string().contains("formwork new"), "{error}");
    let service = templates.pour(&[]);
    for (from, to, said) in [
        ("schema = 1", "schema = 9", "schema 1"),
        ("version = \"0", "version = \"9", "use that version or a newer one"),
        ("version = \"0", "version = \"x", "not a version"),
        ("name = \"orders\"", "name = 5", "formwork.toml"),
        ("[answers]", "<<<<<<< HEAD\n[answers]", "conflict"),
    ] {
        let whole = service.text("formwork.toml");
        service.edit("formwork.toml", from, to);
        service.commit();
        refused(&templates, &service.path, &[said, "formwork.toml"]);
        service.write("formwork.toml", &whole);
        service.commit();
    }
}

#[test]
fn a_base_that_is_gone_or_broken() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.write(".formwork/base.tar.gz", "<<<<<<< HEAD\n");
    service.commit();
    refused(&templates, &service.path, &["does not read", "git log -- .formwork/base.tar.gz"]);
    service.git(&["rm", "--quiet", ".formwork/base.tar.gz"]);
    service.commit();
    refused(&templates, &service.path, &["is gone", "git log -- .formwork/base.tar.gz"]);
}

#[test]
fn another_git_at_work() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    templates.edit("base/files/src/router.rs", "    20\n", "    30\n");
    service.write(".git/index.lock", "");
    refused(&templates, &service.path, &["another git command", "index.lock"]);
    fs::remove_file(service.path.join(".git/index.lock")).unwrap();
    templates.update(&service.path);
}

#[test]
fn a_change_goes_up_from_a_folder_of_the_project() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    templates.edit("base/files/src/router.rs", "    20\n", "    30\n");
    templates.update(&service.path.join("src"));
    assert!(service.text("src/router.rs").contains("    30\n"));
}
