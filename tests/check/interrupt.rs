//! Ctrl-C and SIGTERM end the check and everything that it started; the project stays.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::fixture::{Fixture, Outcome};

const PATIENCE: Duration = Duration::from_secs(120);
const TICK: Duration = Duration::from_millis(20);

fn wait_for(what: &str, mut happens: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happens() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        thread::sleep(TICK);
    }
}

/// A check whose test writes its process's number and never ends.
fn start_endless_check(fixture: &Fixture) -> (Child, Pid) {
    fixture.append(
        "tests/it.rs",
        "\n#[test]\nfn it_never_ends() {\n    std::fs::write(\"pid\", std::process::id().to_string()).unwrap();\n    loop {\n        std::thread::park();\n    }\n}\n",
    );
    let mut command = fixture.formwork(&["check", "--steps", "test"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("formwork runs");
    let number = || fs::read_to_string(fixture.path.join("pid")).ok()?.parse::<i32>().ok();
    wait_for("the start of the test", || number().is_some());
    (child, number().and_then(Pid::from_raw).expect("a process"))
}

fn is_interrupted(fixture: &Fixture, signal: Signal) {
    let (child, test) = start_endless_check(fixture);
    kill_process(Pid::from_child(&child), signal).expect("a signal");
    let outcome = Outcome::of(&child.wait_with_output().expect("formwork ends"));
    assert_eq!(outcome.code, Some(130), "{}", outcome.err);
    assert!(outcome.err.contains("formwork check ."), "{}", outcome.err);
    wait_for("the end of the test", || test_kill_process(test).is_err());
    assert!(Path::new(&fixture.path).join("src/main.rs").is_file());
}

#[test]
fn ctrl_c_ends_the_check_and_its_children() {
    is_interrupted(&Fixture::new("interrupted"), Signal::INT);
}

#[test]
fn sigterm_does_too() {
    is_interrupted(&Fixture::new("terminated"), Signal::TERM);
}
