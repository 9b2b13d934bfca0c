//! Killed at any moment: whole before, whole after, or finished by the next run.

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    released,
    support::{all_files, assert_nothing_is_left, copy, formwork, git, temp},
};

/// So many moments of a run are tried, unless `FORMWORK_TEST_MOMENTS` says more.
const MOMENTS: u32 = 20;
/// It counts moments of `formwork new`; one of a change takes some ten times as long.
const SHARE: u32 = 10;

fn start(project: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_formwork"));
    command.args(arguments.split(' ')).current_dir(project);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn the_next_set_finishes_what_a_killed_one_began() {
    let folder = temp();
    formwork(folder.path(), "new orders --yes --no-check").expect(0, &[]);
    is_finished_by_the_next(folder.path(), "set cache=none --no-check");
}

#[test]
fn the_next_update_finishes_what_a_killed_one_began() {
    let folder = temp();
    released::pour(folder.path());
    is_finished_by_the_next(folder.path(), "update --yes --no-check");
}

/// Of the project `orders`, which has one commit.
fn is_finished_by_the_next(folder: &Path, run: &str) {
    let poured = folder.join("orders");
    let fresh = |name: &str| {
        let project = folder.join(name);
        let _ = fs::remove_dir_all(&project);
        copy(&poured, &project);
        project
    };
    let project = fresh("whole");
    let begun = Instant::now();
    assert!(start(&project, run).status().unwrap().success());
    let whole = begun.elapsed();
    let (before, after) = (all_files(&poured), all_files(&project));
    assert_ne!(before, after);
    let given = env::var("FORMWORK_TEST_MOMENTS").ok().map(|given| given.parse::<u32>().unwrap());
    let moments = given.map_or(MOMENTS, |given| given / SHARE);
    for moment in 0..moments {
        let project = fresh("killed");
        let mut child = start(&project, run).spawn().unwrap();
        thread::sleep(whole.mul_f64(1.1) * moment / moments);
        child.kill().unwrap();
        child.wait().unwrap();
        // git that was called before the kill ends its own step.
        thread::sleep(Duration::from_millis(30));
        formwork(&project, run).expect(0, &[]);
        assert!(all_files(&project) == after, "killed at {moment} of {moments}");
        is_tidy(&project);
    }
    assert_eq!(all_files(&poured), before);
}

fn is_tidy(project: &Path) {
    assert_eq!(git(project, &["status", "--porcelain"]), "");
    assert_eq!(git(project, &["rev-list", "--count", "HEAD"]), "2");
    assert_nothing_is_left(project);
    // A git that outlived its caller may have written while the next run tidied up; the one after that does.
    formwork(project, "diff --stat").expect(0, &[]);
    let git_dir = project.join(".git/formwork");
    let left: Vec<_> = fs::read_dir(git_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    git(project, &["fsck", "--no-dangling"]);
}

/// Where it has locked the repository and not yet begun: the first git that it calls with the lock held kills it.
#[test]
fn between_the_lock_and_the_journal_it_leaves_nothing() {
    let folder = temp();
    formwork(folder.path(), "new orders --yes --no-check").expect(0, &[]);
    let project = folder.path().join("orders");
    let programs = folder.path().join("programs");
    let path = env::var_os("PATH").unwrap();
    let found = env::split_paths(&path).map(|place| place.join("git")).find(|git| git.is_file()).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ -e '{}' ]; then kill -9 $PPID; exit 1; fi\nexec '{}' \"$@\"\n",
        project.join(".git/index.lock").display(),
        found.display(),
    );
    fs::create_dir(&programs).unwrap();
    fs::write(programs.join("git"), script).unwrap();
    fs::set_permissions(programs.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = env::join_paths([programs].into_iter().chain(env::split_paths(&path))).unwrap();
    let killed = start(&project, "set cache=none --no-check").env("PATH", path).status().unwrap();
    assert_eq!(killed.signal(), Some(9));
    assert!(project.join(".git/index.lock").exists());
    assert!(!project.join(".git/formwork/journal.json").exists());
    formwork(&project, "set cache=none --no-check").expect(0, &[]);
    is_tidy(&project);
}

/// A new project where a run was killed before it wrote the first file, and its twin where it was not; the commit of both.
fn killed(folder: &Path) -> (PathBuf, PathBuf, String) {
    formwork(folder, "new orders --yes --no-check").expect(0, &[]);
    let (project, after) = (folder.join("orders"), folder.join("after"));
    copy(&project, &after);
    formwork(&after, "set cache=none --no-check").expect(0, &[]);
    let head = git(&project, &["rev-parse", "HEAD"]);
    git(&project, &["fetch", "--quiet", after.to_str().unwrap(), "HEAD"]);
    let commit = git(&project, &["rev-parse", "FETCH_HEAD"]);
    let tree = git(&project, &["rev-parse", "FETCH_HEAD^{tree}"]);
    let journal = serde_json::json!({
        "formwork": 1, "pid": 1, "run": "scratch-killed", "head": head, "commit": commit, "tree": tree,
        "message": "Set cache=none", "stages": [], "is_conflict": false,
    });
    fs::create_dir_all(project.join(".git/formwork/scratch-killed")).unwrap();
    fs::write(project.join(".git/formwork/scratch-killed/alive"), "").unwrap();
    fs::write(project.join(".git/formwork/journal.json"), journal.to_string()).unwrap();
    fs::hard_link(project.join(".git/formwork/journal.json"), project.join(".git/index.lock")).unwrap();
    (project, after, commit)
}

/// Not by the number of its process, which another has by now.
#[test]
fn a_killed_run_is_known_by_the_lock_that_it_no_longer_holds() {
    let folder = temp();
    let (project, after, commit) = killed(folder.path());
    let lock = fs::File::open(project.join(".git/formwork/scratch-killed/alive")).unwrap();
    lock.lock().unwrap();
    let said = ["another formwork changes this repository", "scratch-killed"];
    formwork(&project, "update --no-check").expect(2, &said);
    formwork(&project, "diff").expect(2, &said);
    assert!(project.join(".git/formwork/scratch-killed").exists());
    drop(lock);
    formwork(&project, "update --no-check").expect(0, &["is finished now"]);
    assert_eq!(git(&project, &["rev-parse", "HEAD"]), commit);
    assert_eq!(all_files(&project), all_files(&after));
    is_tidy(&project);
}

#[test]
fn what_was_written_after_the_kill_is_kept() {
    let folder = temp();
    let (project, after, commit) = killed(folder.path());
    fs::write(project.join("src/data/cache.rs"), "// typed after the kill\n").unwrap();
    formwork(&project, "diff").expect(2, &["killed before it was done", "formwork update"]);
    formwork(&project, "update --no-check").expect(0, &["is finished now", "src/data/cache.rs"]);
    assert_eq!(git(&project, &["rev-parse", "HEAD"]), commit);
    assert_eq!(all_files(&project), all_files(&after));
    let kept = fs::read_to_string(project.join(".git/formwork/kept/src/data/cache.rs")).unwrap();
    assert_eq!(kept, "// typed after the kill\n");
}
