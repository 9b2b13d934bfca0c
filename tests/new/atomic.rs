//! Killed or interrupted at any moment: a whole project or none, and the next run cleans up.

use std::{
    env, fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{files, git, names, new, temp};

/// So many moments of a run are tried, unless `FORMWORK_TEST_MOMENTS` says more.
const MOMENTS: u32 = 50;

fn start(folder: &Path) -> Child {
    let mut command = new("orders --yes").within(folder).0;
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// How long a whole run takes here and now.
fn duration() -> Duration {
    let folder = temp();
    let start_of_run = Instant::now();
    start(folder.path()).wait().unwrap();
    start_of_run.elapsed()
}

/// Moments spread over a run, and a little beyond its end.
fn moments() -> impl Iterator<Item = Duration> {
    let given = env::var("FORMWORK_TEST_MOMENTS").ok();
    let moments = given.map_or(MOMENTS, |given| given.parse().unwrap());
    let mut whole = Duration::ZERO;
    (0..moments).map(move |n| {
        // Other tests come and go beside this one, and a run takes as long as they let it.
        if n % 10 == 0 {
            whole = duration().mul_f64(1.2);
        }
        whole * n / moments
    })
}

/// A whole project, down to its commit.
fn assert_whole(folder: &Path, expected: usize) {
    let project = folder.join("orders");
    assert_eq!(files(&project).len(), expected);
    assert_eq!(git(&project, &["status", "--porcelain"]), "");
    assert_eq!(git(&project, &["rev-list", "--count", "HEAD"]), "1");
}

fn number_of_files() -> usize {
    let folder = temp();
    new("orders --yes --no-git").within(folder.path()).succeeds();
    files(&folder.path().join("orders")).len()
}

#[test]
fn kill_at_any_moment_leaves_a_whole_project_or_none() {
    let expected = number_of_files();
    let (mut whole, mut none) = (0, 0);
    for moment in moments() {
        match dies_at(moment, expected) {
            true => whole += 1,
            false => none += 1,
        }
    }
    // However busy the machine is, both must have been seen.
    let mut late = duration();
    while whole == 0 {
        late *= 2;
        whole += i32::from(dies_at(late, expected));
    }
    assert!(none > 0, "no kill came early enough");
    eprintln!("{whole} whole, {none} none");
}

/// Kills a run at this moment, and runs again; whether there was a project before that.
fn dies_at(moment: Duration, expected: usize) -> bool {
    let folder = temp();
    let mut child = start(folder.path());
    thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for_orphans(folder.path());
    let is_there = folder.path().join("orders").exists();
    if is_there {
        assert_whole(folder.path(), expected);
        fs::remove_dir_all(folder.path().join("orders")).unwrap();
    }
    new("orders --yes --no-git").within(folder.path()).succeeds();
    assert_eq!(names(folder.path()), ["orders"], "after a kill at {moment:?}");
    is_there
}

/// A git that was started by the killed run may live a little longer and still write.
fn wait_for_orphans(folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let works_here = |process: fs::DirEntry| {
        fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    };
    while fs::read_dir("/proc").is_ok_and(|all| all.flatten().any(works_here)) {
        assert!(Instant::now() < deadline, "a process of the killed run does not end");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn an_interrupt_leaves_nothing_or_a_whole_project() {
    let expected = number_of_files();
    for signal in ["INT", "TERM"] {
        for moment in moments().step_by(5) {
            let folder = temp();
            let mut child = start(folder.path());
            thread::sleep(moment);
            let _ = Command::new("kill").args(["-s", signal, &child.id().to_string()]).output().unwrap();
            let status = child.wait().unwrap();
            wait_for_orphans(folder.path());
            match folder.path().join("orders").exists() {
                true => assert_whole(folder.path(), expected),
                // Before it listens for signals a run has written nothing, and the signal itself ends it.
                false => assert!(matches!(status.code(), Some(130) | None), "{status}"),
            }
            let left: Vec<_> = names(folder.path()).into_iter().filter(|name| name != "orders").collect();
            assert!(left.is_empty(), "{left:?} after SIG{signal} at {moment:?}");
        }
    }
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let folder = temp();
    let children: Vec<_> = ["one", "two", "three", "four"]
        .map(|name| {
            new(&format!("{name} --yes")).within(folder.path()).0.stdout(Stdio::null()).spawn().unwrap()
        })
        .into_iter()
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(names(folder.path()), ["four", "one", "three", "two"]);
}
