//! What git's history goes through between two updates. The base that the project carries goes along.

use std::{fs, path::Path};

use formwork::life::{Made, Repository, apply::take_back};

use crate::support::{Templates, all_files, assert_nothing_is_left, commit, copy, git, temp, try_git, write};

fn newer(templates: &Templates, from: &str, to: &str) {
    templates.edit("base/files/src/router.rs", &format!("    {from}\n"), &format!("    {to}\n"));
}

fn text(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).unwrap()
}

#[test]
fn two_updates_in_a_row() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("src/router.rs", "let each = 16", "let each = 32");
    service.commit();
    for (from, to) in [("20", "30"), ("30", "40")] {
        newer(&templates, from, to);
        templates.update(&service.path);
        assert!(service.text("src/router.rs").contains(&format!("    {to}\n")));
    }
    assert!(service.text("src/router.rs").contains("let each = 32"));
    assert_eq!(service.commits(), 4);
}

#[test]
fn moved_into_a_monorepo() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    let inside = service.path.join("services/orders");
    fs::create_dir_all(&inside).unwrap();
    for entry in fs::read_dir(&service.path).unwrap().map(Result::unwrap) {
        if entry.file_name() != ".git" && entry.file_name() != "services" {
            fs::rename(entry.path(), inside.join(entry.file_name())).unwrap();
        }
    }
    service.write("README.md", "# The house\n");
    service.commit();
    service.write("README.md", "# The house, not committed\n");
    newer(&templates, "20", "30");
    templates.write("base/files/src/added.rs", "// new\n");
    templates.try_update(&inside).unwrap();
    assert!(text(&inside, "src/router.rs").contains("    30\n"));
    assert!(inside.join("src/added.rs").is_file() && !service.has("src"));
    // What else is in the repository is nobody's business, also what is not committed.
    assert_eq!(service.git(&["status", "--porcelain"]), " M README.md");
    let files = service.git(&["show", "--format=", "--name-only", "HEAD"]);
    assert!(files.lines().all(|file| file.starts_with("services/orders/")), "{files}");
}

#[test]
fn copied_into_another_repository_without_its_history() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.git(&["rm", "--quiet", "src/reports.rs"]);
    let house = temp();
    git(house.path(), &["init", "--quiet"]);
    fs::remove_dir_all(service.path.join(".git")).unwrap();
    copy(&service.path, &house.path().join("a/b"));
    commit(house.path());
    newer(&templates, "20", "30");
    templates.edit("base/files/src/reports.rs", "    2\n", "    3\n");
    let change = templates.update(&house.path().join("a/b"));
    assert!(text(house.path(), "a/b/src/router.rs").contains("    30\n"));
    assert!(!house.path().join("a/b/src/reports.rs").exists());
    assert_eq!(change.left_out, ["src/reports.rs"]);
}

#[test]
fn a_twin_in_the_same_repository_is_not_touched() {
    let templates = Templates::new();
    let house = temp();
    git(house.path(), &["init", "--quiet"]);
    write(house.path(), "README.md", "# The house\n");
    commit(house.path());
    for name in ["orders", "stock"] {
        templates.pour_at(&house.path().join(name), &[]);
    }
    git(house.path(), &["rm", "--quiet", "orders/src/queue.rs"]);
    commit(house.path());
    let twin = all_files(&house.path().join("stock"));
    templates.edit("queue/table/files/src/queue.rs", "    200\n", "    500\n");
    let change = templates.update(&house.path().join("orders"));
    assert_eq!(change.left_out, ["src/queue.rs"]);
    assert_eq!(all_files(&house.path().join("stock")), twin);
    assert!(!house.path().join("orders/src/queue.rs").exists());
    templates.update(&house.path().join("stock"));
    assert!(text(house.path(), "stock/src/queue.rs").contains("    500\n"));
}

#[test]
fn squash_merged_and_updated_again_from_a_fresh_clone() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    let house = temp();
    let clone = |name: &str| {
        let path = house.path().join(name);
        git(house.path(), &["clone", "--quiet", service.path.to_str().unwrap(), name]);
        path
    };
    newer(&templates, "20", "30");
    let first = clone("first");
    git(&first, &["checkout", "--quiet", "-b", "update"]);
    templates.update(&first);
    git(&first, &["push", "--quiet", "origin", "update"]);
    service.git(&["merge", "--quiet", "--squash", "update"]);
    service.commit();
    service.git(&["branch", "--quiet", "-D", "update"]);
    newer(&templates, "30", "40");
    let second = clone("second");
    templates.update(&second);
    assert!(text(&second, "src/router.rs").contains("    40\n"));
}

#[test]
fn rebased_onto_what_others_did() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.git(&["checkout", "--quiet", "-b", "update"]);
    newer(&templates, "20", "30");
    templates.update(&service.path);
    service.git(&["checkout", "--quiet", "main"]);
    service.edit("src/router.rs", "let each = 16", "let each = 32");
    service.commit();
    service.git(&["checkout", "--quiet", "update"]);
    service.git(&["rebase", "--quiet", "main"]);
    newer(&templates, "30", "40");
    templates.update(&service.path);
    let router = service.text("src/router.rs");
    assert!(router.contains("    40\n") && router.contains("let each = 32"), "{router}");
}

#[test]
fn taken_back_and_done_again() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    newer(&templates, "20", "30");
    templates.write("base/files/src/added.rs", "// new\n");
    templates.update(&service.path);
    service.git(&["revert", "--no-edit", "HEAD"]);
    assert!(service.text("src/router.rs").contains("    20\n") && !service.has("src/added.rs"));
    newer(&templates, "30", "40");
    templates.update(&service.path);
    assert!(service.text("src/router.rs").contains("    40\n") && service.has("src/added.rs"));
}

#[test]
fn a_lost_branch_and_a_shallow_clone_have_all_that_is_needed() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("src/router.rs", "let each = 16", "let each = 32");
    service.commit();
    service.git(&["checkout", "--quiet", "-b", "update"]);
    newer(&templates, "20", "30");
    templates.update(&service.path);
    service.git(&["checkout", "--quiet", "main"]);
    service.git(&["branch", "--quiet", "-D", "update"]);
    service.git(&["reflog", "expire", "--expire=now", "--all"]);
    service.git(&["gc", "--quiet", "--prune=now"]);
    let house = temp();
    let address = format!("file://{}", service.path.display());
    git(house.path(), &["clone", "--quiet", "--depth", "1", &address, "shallow"]);
    let shallow = house.path().join("shallow");
    assert_eq!(git(&shallow, &["rev-list", "--count", "HEAD"]), "1");
    for project in [&shallow, &service.path] {
        templates.update(project);
        let router = text(project, "src/router.rs");
        assert!(router.contains("    30\n") && router.contains("let each = 32"), "{router}");
    }
}

#[test]
fn the_same_update_on_two_branches_merges_as_if_it_were_one() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.git(&["checkout", "--quiet", "-b", "one"]);
    service.edit("src/router.rs", "let each = 16", "let each = 32");
    service.commit();
    service.git(&["checkout", "--quiet", "-b", "other", "main"]);
    service.edit("README.md", "## Test it", "## Try it");
    service.commit();
    newer(&templates, "20", "30");
    templates.update(&service.path);
    service.git(&["checkout", "--quiet", "one"]);
    templates.update(&service.path);
    service.git(&["merge", "--quiet", "--no-edit", "other"]);
    let router = service.text("src/router.rs");
    assert!(router.contains("    30\n") && router.contains("let each = 32"), "{router}");
    templates.try_update(&service.path).unwrap().nothing();
}

#[test]
fn two_swaps_on_two_branches_conflict_in_the_record_alone_and_an_update_settles_it() {
    let templates = Templates::new();
    let service = templates.pour(&["cache=near"]);
    service.git(&["checkout", "--quiet", "-b", "one"]);
    templates.set(&service.path, &["cache=local"]);
    service.git(&["checkout", "--quiet", "-b", "other", "main"]);
    templates.set(&service.path, &["queue=broker"]);
    let merge = try_git(&service.path, &["merge", "--no-edit", "one"]);
    assert_eq!(merge.code, Some(1));
    let unmerged = service.git(&["diff", "--name-only", "--diff-filter=U"]);
    assert_eq!(unmerged, ".formwork/base.tar.gz\nformwork.toml");
    let error = templates.try_update(&service.path).err().unwrap();
    assert!(error.message.contains("nobody resolved"), "{error}");
    // As the error says: the answers that the project is to have, and either side of the rest.
    service.git(&["checkout", "--ours", "formwork.toml", ".formwork/base.tar.gz"]);
    service.edit("formwork.toml", "cache = \"near\"", "cache = \"local\"");
    service.commit();
    templates.update(&service.path);
    assert!(
        service.text("src/cache.rs").contains("local") && service.text("src/queue.rs").contains("broker")
    );
    assert!(service.text("formwork.toml").contains("cache = \"local\""));
    templates.try_update(&service.path).unwrap().nothing();
}

#[test]
fn another_working_tree_of_the_repository() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    let house = temp();
    let tree = house.path().join("tree");
    service.git(&["worktree", "add", "--quiet", "-b", "update", tree.to_str().unwrap()]);
    newer(&templates, "20", "30");
    templates.update(&tree);
    assert!(text(&tree, "src/router.rs").contains("    30\n"));
    assert!(service.text("src/router.rs").contains("    20\n"));
    assert_eq!(service.git(&["status", "--porcelain"]), "");
}

#[test]
fn hooks_keys_and_settings_of_the_owner_are_not_ours() {
    use std::os::unix::fs::PermissionsExt as _;
    let templates = Templates::new();
    let service = templates.pour(&[]);
    for hook in [
        "pre-commit",
        "commit-msg",
        "post-commit",
        "post-checkout",
        "post-index-change",
        "reference-transaction",
    ] {
        let file = service.path.join(".git/hooks").join(hook);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "#!/bin/sh\necho ran >> \"$(git rev-parse --git-dir)/ran\"\nexit 1\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for (key, value) in [
        ("commit.gpgSign", "true"),
        ("user.signingKey", "nobody"),
        ("merge.renames", "false"),
        ("diff.renames", "false"),
        ("core.autocrlf", "input"),
        ("core.safecrlf", "true"),
        ("merge.conflictStyle", "diff3"),
        ("status.showUntrackedFiles", "all"),
        ("core.quotePath", "true"),
    ] {
        service.git(&["config", key, value]);
    }
    service.write("über.txt", "mine\n");
    service.git(&["mv", "src/router.rs", "src/päths.rs"]);
    service.git(&["-c", "core.hooksPath=/dev/null", "add", "--all"]);
    service.git(&["-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--no-gpg-sign", "-m", "mine"]);
    newer(&templates, "20", "30");
    // The owner's own commands ran one of them.
    let _ = fs::remove_file(service.path.join(".git/ran"));
    templates.try_update(&service.path).unwrap();
    assert!(!service.has(".git/ran"));
    assert!(service.text("src/päths.rs").contains("    30\n"));
    assert_eq!(service.git(&["log", "-1", "--format=%cn"]), "formwork");
}

#[test]
fn back_at_the_commit_before() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    let (before, head) = (all_files(&service.path), service.git(&["rev-parse", "HEAD"]));
    newer(&templates, "20", "30");
    templates.write("base/files/src/a/b/added.rs", "// new\n");
    templates.set(&service.path, &["queue=broker"]);
    let repository = Repository::of(&service.path).unwrap();
    take_back(&repository, &Made::now(&repository).unwrap(), &head).unwrap();
    assert_eq!(all_files(&service.path), before);
    assert_eq!(service.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(service.git(&["status", "--porcelain"]), "");
    assert!(!service.has("src/a"));
    assert_nothing_is_left(&service.path);
}

/// While the change was checked, its owner went on: on top of it, or on another branch.
#[test]
fn what_came_after_a_change_is_not_taken_back_with_it() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    let head = service.git(&["rev-parse", "HEAD"]);
    newer(&templates, "20", "30");
    templates.update(&service.path);
    let made = Made::now(&Repository::of(&service.path).unwrap()).unwrap();
    let refused = || {
        let before = (all_files(&service.path), service.git(&["rev-parse", "HEAD"]));
        let error = take_back(&Repository::of(&service.path).unwrap(), &made, &head).unwrap_err();
        let help = error.help.join(" ");
        assert!(help.contains(&format!("git revert {}", made.commit)), "{error} {help}");
        assert_eq!((all_files(&service.path), service.git(&["rev-parse", "HEAD"])), before);
        assert_nothing_is_left(&service.path);
    };
    service.git(&["switch", "--quiet", "--create", "other"]);
    refused();
    service.git(&["switch", "--quiet", "-"]);
    service.write("notes.txt", "mine\n");
    service.commit();
    refused();
}

#[test]
fn a_rename_in_which_only_the_case_differs() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.git(&["mv", "src/router.rs", "src/Router.rs"]);
    service.commit();
    newer(&templates, "20", "30");
    templates.update(&service.path);
    assert!(service.text("src/Router.rs").contains("    30\n"));
    assert!(!service.git(&["ls-files"]).lines().any(|file| file == "src/router.rs"));
}

#[test]
fn lines_that_end_otherwise_in_the_working_tree() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.write(".gitattributes", "*.rs text eol=crlf\n");
    service.commit();
    service.git(&["rm", "--quiet", "--cached", "-r", "src"]);
    service.git(&["reset", "--quiet", "--hard"]);
    assert!(service.text("src/router.rs").contains("    20\r\n"));
    newer(&templates, "20", "30");
    templates.write("base/files/src/added.rs", "// new\n");
    templates.update(&service.path);
    assert_eq!(service.text("src/added.rs"), "// new\r\n");
    assert!(service.text("src/router.rs").contains("    30\r\n"));
    assert!(service.git(&["show", "HEAD:src/router.rs"]).contains("    30\n"));
    assert_eq!(service.git(&["status", "--porcelain"]), "");
}

#[test]
fn files_that_a_filter_keeps_elsewhere() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    // As Git LFS does: what is committed stands for what is on the disk.
    service.git(&["config", "filter.far.clean", "sed s/^/far:/"]);
    service.git(&["config", "filter.far.smudge", "sed s/^far://"]);
    service.git(&["config", "filter.far.required", "true"]);
    service.write(".gitattributes", "*.bin filter=far\n");
    service.write("models/one.bin", "weights\n");
    service.commit();
    assert_eq!(service.git(&["show", "HEAD:models/one.bin"]), "far:weights");
    newer(&templates, "20", "30");
    templates.update(&service.path);
    assert_eq!(service.git(&["show", "HEAD:models/one.bin"]), "far:weights");
    assert_eq!(service.text("models/one.bin"), "weights\n");
    assert_eq!(service.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_submodule_of_the_owner() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    let other = temp();
    git(other.path(), &["init", "--quiet"]);
    write(other.path(), "README.md", "# Protocols\n");
    commit(other.path());
    service.git(&["submodule", "--quiet", "add", other.path().to_str().unwrap(), "protocols"]);
    service.commit();
    let link = service.git(&["ls-tree", "HEAD", "protocols"]);
    assert!(link.starts_with("160000 commit"), "{link}");
    newer(&templates, "20", "30");
    templates.update(&service.path);
    assert!(service.text("src/router.rs").contains("    30\n"));
    assert_eq!(service.git(&["ls-tree", "HEAD", "protocols"]), link);
    assert!(service.has("protocols/README.md"));
    assert_eq!(service.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_monorepo_of_which_only_the_service_is_checked_out() {
    let templates = Templates::new();
    let house = temp();
    git(house.path(), &["init", "--quiet"]);
    write(house.path(), "other/huge.txt", "much\n");
    commit(house.path());
    let service = house.path().join("orders");
    templates.pour_at(&service, &[]);
    git(house.path(), &["sparse-checkout", "set", "orders"]);
    assert!(!house.path().join("other").exists());
    newer(&templates, "20", "30");
    templates.update(&service);
    assert!(text(&service, "src/router.rs").contains("    30\n"));
    assert!(!house.path().join("other").exists());
    assert_eq!(git(house.path(), &["status", "--porcelain"]), "");
    assert_eq!(git(house.path(), &["show", "HEAD:other/huge.txt"]), "much");
    assert_eq!(git(house.path(), &["ls-files", "-t", "other"]), "S other/huge.txt");
}
