//! Servers that are several processes, by the catalog's own recipes: none of these is left, however a check ends.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
    process::Stdio,
    sync::Once,
};

use formwork::{check::services::missing, project};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use toml::{Table, Value};

use crate::{
    debian,
    fixture::{Fixture, run},
    services::wait_for,
};

const RECORD: &str = "formwork.toml";
const ANSWERS: [&str; 3] = ["storage=postgres", "vector=none", "queue=rabbitmq"];
const ENDLESS: &str = "
#[test]
fn it_never_ends() {
    std::fs::write(\"pid\", std::process::id().to_string()).unwrap();
    loop {
        std::thread::park();
    }
}
";

/// The small project with the servers of a real one, and with a test that goes on while they are there.
fn project(name: &str) -> Fixture {
    let fixture = Fixture::new(name);
    fixture.append("tests/it.rs", ENDLESS);
    let poured = tempfile::tempdir().expect("a folder");
    let mut new =
        fixture.formwork(&["new", "--name", name, "--yes", "--no-check", "--no-git", "--standalone"]);
    new.args(ANSWERS.iter().flat_map(|answer| ["--set", answer])).arg(poured.path().join(name));
    let outcome = run(new);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    let record = fs::read_to_string(poured.path().join(name).join(RECORD)).expect("a record");
    fs::write(fixture.path.join(RECORD), recipes(&record)).expect("a file");
    install(&fixture.path);
    fixture
}

/// Without what only the real project's tests need.
fn recipes(record: &str) -> String {
    let mut record: Table = record.parse().expect("TOML");
    let Some(Value::Array(mut servers)) = record.remove("server") else { panic!("no servers: {record}") };
    for server in &mut servers {
        server.as_table_mut().expect("a table").remove("client");
    }
    Table::from_iter([("server".to_owned(), Value::Array(servers))]).to_string()
}

/// Once, where they are not here.
fn install(project: &Path) {
    static INSTALL: Once = Once::new();
    let servers = project::servers(project).expect("recipes");
    INSTALL.call_once(|| {
        if servers.iter().any(|server| !missing(server).is_empty()) {
            debian::install("it takes PostgreSQL and RabbitMQ", &["postgresql", "rabbitmq-server"]);
        }
    });
}

/// The names of processes that were told to work in a folder of this one, or do: PostgreSQL's write over what they were told.
fn processes(folder: &Path) -> Vec<String> {
    let told = [b"folder=", folder.as_os_str().as_bytes(), b"/"].concat();
    let is_one = |process: &Path| {
        let variables = fs::read(process.join("environ")).unwrap_or_default();
        variables.split(|byte| *byte == 0).any(|variable| variable.starts_with(&told))
            || fs::read_link(process.join("cwd")).is_ok_and(|place| place.starts_with(folder))
    };
    let all = fs::read_dir("/proc").expect("processes").filter_map(|entry| Some(entry.ok()?.path()));
    let name = |process: &Path| fs::read_to_string(process.join("comm")).ok();
    all.filter(|process| is_one(process))
        .filter_map(|process| Some(name(&process)?.trim().to_owned()))
        .collect()
}

/// Where servers work. As /tmp is, for PostgreSQL works as another user where these tests run as root.
fn place() -> TempDir {
    let place = tempfile::tempdir().expect("a folder");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o1777)).expect("a mode");
    place
}

/// Folders of servers that are there still.
fn left(place: &TempDir) -> Vec<String> {
    let names = fs::read_dir(place).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with("formwork-")).collect()
}

fn nothing_is_left_after(name: &str, signal: Signal) {
    let (project, place) = (project(name), place());
    let mut check = project.formwork(&["check", "--steps", "test", "--services", "local"]);
    let mut check = check.env("TMPDIR", place.path()).stderr(Stdio::null()).spawn().expect("formwork runs");
    let test = || Pid::from_raw(fs::read_to_string(project.path.join("pid")).ok()?.parse().ok()?);
    wait_for("the start of the test", || test().is_some());
    let there = processes(place.path());
    for name in ["postgres", "beam.smp", "epmd"] {
        assert!(there.iter().any(|process| process == name), "no {name} in {there:?}");
    }
    kill_process(Pid::from_child(&check), signal).expect("a signal");
    check.wait().expect("an end");
    wait_for("the end of all of them", || processes(place.path()).is_empty());
    wait_for("the end of their folders", || left(&place).is_empty());
    // Who kills a check has its test go on.
    test().map(|test| kill_process(test, Signal::KILL));
}

#[test]
fn nothing_is_left_of_several_servers_after_ctrl_c() {
    nothing_is_left_after("interrupted-servers", Signal::INT);
}

#[test]
fn nothing_is_left_of_several_servers_after_a_check_that_was_killed() {
    nothing_is_left_after("killed-servers", Signal::KILL);
}
