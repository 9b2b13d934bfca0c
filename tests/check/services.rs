//! The servers that a project needs: real ones, there while they are wanted and gone after.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Once,
    thread,
    time::{Duration, Instant},
};

use formwork::{check::services::local, interrupt::Interrupt, project};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    debian,
    fixture::{Fixture, Outcome, run, step},
};

const RECIPE: &str = include_str!("../fixtures/servers/redis.toml");
const TEST: &str = include_str!("../fixtures/servers/redis.rs");
/// What the service does before it listens.
const SERVICE: &str = "    let url = env::var(\"APP__CACHE__URL\")?;
    let address = url.trim_start_matches(\"redis://\").trim_end_matches(\"/0\");
    std::net::TcpStream::connect(address)?;
    anyhow::ensure!(env::var(\"APP__CACHE__PREFIX\")?.ends_with(\"_data\"));
";
const VARIABLE: &str = "TEST_REDIS_URL";
const PATIENCE: Duration = Duration::from_secs(120);
const TICK: Duration = Duration::from_millis(20);

/// The small project, with tests and a service that talk to Redis.
struct Project(Fixture);

impl Project {
    fn new(name: &str) -> Self {
        install();
        let fixture = Fixture::new(name);
        fixture.append("tests/it.rs", TEST);
        fixture.replace("src/main.rs", "    ctrlc::set_handler", &format!("{SERVICE}    ctrlc::set_handler"));
        let project = Self(fixture);
        project.recipe(RECIPE);
        project
    }

    fn recipe(&self, text: &str) {
        fs::write(self.0.path.join("formwork.toml"), text).expect("a file");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.formwork(&[&["check"], arguments].concat());
        command.env_remove(VARIABLE);
        command
    }

    fn check(&self, arguments: &[&str]) -> Outcome {
        run(self.command(arguments))
    }

    fn report(&self, arguments: &[&str]) -> (Value, Option<i32>) {
        report(&self.check(&[&["--json"], arguments].concat()))
    }

    /// What the server said of itself to the project's test.
    fn said(&self) -> Said {
        Said::read(&self.0.path.join("said")).expect("what the server said")
    }

    /// Neither the server is there any more nor what it wrote.
    fn is_left_clean(&self) {
        self.said().is_left_clean("formwork-redis-");
    }
}

/// What a server said of itself.
pub(crate) struct Said {
    pub(crate) server: Pid,
    /// Where it writes.
    folder: String,
}

impl Said {
    /// Answers to `INFO` and `CONFIG GET dir`.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        let said = fs::read_to_string(file).ok()?;
        let number = said.lines().find_map(|line| line.trim().strip_prefix("process_id:"))?.parse().ok()?;
        // A list: the name, the length of the value, the value.
        let folder = said.lines().map(str::trim).skip_while(|line| *line != "dir").nth(2)?.to_owned();
        Some(Self { server: Pid::from_raw(number)?, folder })
    }

    pub(crate) fn is_left_clean(&self, prefix: &str) {
        wait_for("the end of the server", || !is_alive(self.server));
        assert!(self.folder.contains(prefix), "{}", self.folder);
        wait_for("the end of its folder", || !Path::new(&self.folder).exists());
    }
}

fn report(outcome: &Outcome) -> (Value, Option<i32>) {
    let report = serde_json::from_str(&outcome.out);
    (report.unwrap_or_else(|error| panic!("{error}: {}\n{}", outcome.out, outcome.err)), outcome.code)
}

/// One that has ended may still have its entry: nobody has asked how it ended.
pub(crate) fn is_alive(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

pub(crate) fn wait_for(what: &str, mut happens: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happens() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        thread::sleep(TICK);
    }
}

/// Redis, once, where it is not here.
pub(crate) fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        if on_path("redis-server").is_none() {
            debian::install("Redis is needed", &["redis-server"]);
        }
    });
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").expect("a PATH");
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[test]
fn a_server_from_an_installed_program_is_there_for_tests_and_service_and_gone_after() {
    let project = Project::new("local");
    let (report, code) = project.report(&["--steps", "test,boot", "--services", "local"]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["services"][0]["name"], "redis");
    assert_eq!(report["services"][0]["way"], "local");
    let program = report["services"][0]["program"].as_str().expect("a program");
    assert!(program.ends_with("/redis-server"), "{program}");
    assert_eq!(step(&report, "boot")["outcome"], "passed");
    project.is_left_clean();
    let log = fs::read_to_string(project.0.path.join("target/formwork/redis.log")).expect("a log");
    assert!(log.contains("Redis is now ready to exit"), "{log}");
}

#[test]
fn it_is_gone_after_a_red_step_too() {
    let project = Project::new("red");
    project.0.replace("tests/it.rs", "text.starts_with('{')", "text.starts_with('[')");
    let outcome = project.check(&["--steps", "test", "--services", "auto"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    assert!(outcome.out.contains("  servers Redis from /"), "{}", outcome.out);
    project.is_left_clean();
}

/// A check whose test has talked to the server and never ends: it, and the test's process.
fn start_endless_check(project: &Project) -> (Child, Pid) {
    start_endless(project, project.command(&["--steps", "test"]))
}

fn start_endless(project: &Project, mut command: Command) -> (Child, Pid) {
    let endless = "\n    std::fs::write(\"pid\", std::process::id().to_string()).unwrap();\n    loop {\n        std::thread::park();\n    }\n}\n";
    project.0.replace(
        "tests/it.rs",
        "\n    assert_eq!(std::env::var(\"REQUIRE_SERVICES\").as_deref(), Ok(\"1\"));\n}\n",
        endless,
    );
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("formwork runs");
    let number = || fs::read_to_string(project.0.path.join("pid")).ok()?.parse::<i32>().ok();
    wait_for("the start of the test", || number().is_some());
    assert!(is_alive(project.said().server));
    (child, number().and_then(Pid::from_raw).expect("a process"))
}

#[test]
fn it_is_gone_after_ctrl_c() {
    let project = Project::new("interrupted");
    let (child, _) = start_endless_check(&project);
    kill_process(Pid::from_child(&child), Signal::INT).expect("a signal");
    let outcome = Outcome::of(&child.wait_with_output().expect("formwork ends"));
    assert_eq!(outcome.code, Some(130), "{}", outcome.err);
    project.is_left_clean();
}

#[test]
fn it_is_gone_after_a_check_that_was_killed() {
    let project = Project::new("killed");
    let (mut child, test) = start_endless_check(&project);
    child.kill().expect("a kill");
    child.wait().expect("an end");
    project.is_left_clean();
    kill_process(test, Signal::KILL).expect("the test goes on without its check");
}

#[test]
fn it_is_stopped_by_the_signal_that_its_recipe_names() {
    let project = Project::new("signal");
    for signal in ["INT", "TERM"] {
        project.recipe(&RECIPE.replace("install = ", &format!("stop = \"{signal}\"\ninstall = ")));
        let (report, code) = project.report(&["--steps", "test", "--services", "local"]);
        assert_eq!(code, Some(0), "{report}");
        project.is_left_clean();
        let log = fs::read_to_string(project.0.path.join("target/formwork/redis.log")).expect("a log");
        assert!(log.contains(&format!("Received SIG{signal}")), "{signal}: {log}");
    }
}

/// So is what it has started.
#[test]
fn a_server_that_ignores_its_signal_is_killed() {
    let project = Project::new("deaf");
    let start = "start = '''\ntrap '' TERM\nredis-server";
    let end = "--save \"\" &\nexec sleep 600\n'''";
    let recipe = RECIPE.replace("start = 'exec redis-server", start).replace("--save \"\"'", end);
    assert_ne!(recipe, RECIPE);
    project.recipe(&recipe);
    let (report, code) = project.report(&["--steps", "test", "--services", "local"]);
    assert_eq!(code, Some(0), "{report}");
    project.is_left_clean();
}

#[test]
fn where_somebody_else_takes_the_port_first_another_is_tried() {
    install();
    let project = Project::new("taken");
    let server = &project::servers(&project.0.path).expect("a recipe")[0];
    let log = project.0.path.join("redis.log");
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let taken = other.local_addr().expect("an address").port();
    let free =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("an address").port();
    let program = on_path("redis-server").expect("Redis");
    let programs = program.parent().expect("a folder");
    let start =
        |ports: &[u16]| local::start_on(ports.iter().copied(), server, programs, &log, &Interrupt::default());
    let (guard, url) = start(&[taken, free]).expect("a start");
    assert_eq!(url, format!("redis://127.0.0.1:{free}/0"));
    assert_eq!(ping(free), "+PONG\r\n");
    drop(guard);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, free)).is_err());
    let error = start(&[taken]).expect_err("no port");
    assert!(error.message.contains("Redis does not start here"), "{error}");
    assert!(error.cause.expect("a cause").contains("Address already in use"));
}

fn ping(port: u16) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
    stream.write_all(b"PING\r\nQUIT\r\n").expect("it is read");
    let mut said = [0; 7];
    stream.read_exact(&mut said).expect("an answer");
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn a_server_whose_url_is_set_is_taken_and_nothing_is_started() {
    let project = Project::new("given");
    let own = Redis::start();
    for way in ["auto", "env"] {
        let mut command = project.command(&["--json", "--steps", "test,boot", "--services", way]);
        command.env(VARIABLE, &own.url);
        let (report, code) = report(&run(command));
        assert_eq!(code, Some(0), "{report}");
        assert_eq!(report["services"][0]["way"], "env");
        assert_eq!(project.said().server, Pid::from_child(&own.child));
    }
    assert!(!project.0.path.join("target/formwork/redis.log").exists());
    assert!(is_alive(Pid::from_child(&own.child)), "it is not this check's to stop");
}

pub(crate) struct Redis {
    pub(crate) child: Child,
    pub(crate) url: String,
    _folder: TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        install();
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .expect("a port")
            .local_addr()
            .expect("an address")
            .port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--save", "", "--bind", "127.0.0.1"]).current_dir(&folder);
        command.stdout(File::create(&log).expect("a file"));
        let child = command.spawn().expect("Redis starts");
        let ready = || fs::read_to_string(&log).is_ok_and(|said| said.contains("Ready to accept"));
        wait_for("the start of Redis", ready);
        Self { child, url: format!("redis://127.0.0.1:{port}/0"), _folder: folder }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A PATH with what a check needs, and no server.
pub(crate) fn bare_path() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for program in ["cargo", "rustc", "rustfmt", "rustup", "cc", "sh", "rm", "sleep"] {
        let Some(found) = on_path(program) else { continue };
        std::os::unix::fs::symlink(found, folder.path().join(program)).expect("a link");
    }
    script(folder.path(), "apt-get", "exit 1");
    folder
}

pub(crate) fn script(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;

    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
}

#[test]
fn a_server_that_is_missing_is_named_with_the_command_that_gets_it_before_any_work() {
    let project = Project::new("missing");
    let path = bare_path();
    let check = |way: &str| {
        let mut command = project.command(&["--services", way]);
        command.env("PATH", path.path());
        run(command)
    };
    let local = "sudo apt-get install redis-server";
    let env = "export TEST_REDIS_URL=redis://127.0.0.1:6379/0";
    for (way, said) in [
        (
            "auto",
            &["TEST_REDIS_URL is not set", "redis-server is not installed", "compose.yaml", local, env][..],
        ),
        ("local", &["redis-server is not installed", local]),
        ("env", &["TEST_REDIS_URL is not set", env]),
        ("compose", &["compose.yaml"]),
    ] {
        let outcome = check(way);
        assert_eq!(outcome.code, Some(3), "{way}: {}", outcome.err);
        for text in [&["the project needs Redis, and there is none"], said].concat() {
            assert!(outcome.err.contains(text), "{way}: {text:?} is not in {}", outcome.err);
        }
    }
    fs::write(project.0.path.join("compose.yaml"), "services: {}\n").expect("a file");
    let outcome = check("compose");
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(
        outcome.err.contains("docker compose is not installed") && outcome.err.contains("get.docker.com")
    );
    let outcome = project.check(&["--steps", "fmt"]);
    assert_eq!(outcome.code, Some(0), "no server is needed to look at code: {}", outcome.err);
}

#[test]
fn another_client_that_tests_need_is_looked_for_before_any_work() {
    let project = Project::new("client");
    let get = "pip install other";
    let client = |there: &str| {
        format!("[server.client]\ntitle = \"the other client\"\nthere = \"{there}\"\ninstall = \"{get}\"\n")
    };
    let recipe = RECIPE.replace("[server.image]", &format!("{}\n[server.image]", client("test -e other")));
    project.recipe(&recipe);
    let own = Redis::start();
    for (way, url) in [("local", ""), ("env", &*own.url)] {
        let mut command = project.command(&["--steps", "test", "--services", way]);
        command.env(VARIABLE, url);
        let outcome = run(command);
        assert_eq!(outcome.code, Some(3), "{way}: {}", outcome.err);
        for text in ["the project's tests need the other client, which is not here", "test -e other", get] {
            assert!(outcome.err.contains(text), "{way}: {text:?} is not in {}", outcome.err);
        }
    }
    let path = bare_path();
    let mut command = project.command(&["--steps", "test", "--services", "local"]);
    command.env("PATH", path.path());
    let outcome = run(command);
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    for text in ["the project needs Redis, and there is none", "redis-server", get] {
        assert!(
            outcome.err.contains(text),
            "all that is missing at once: {text:?} is not in {}",
            outcome.err
        );
    }
    let (report, code) = project.report(&["--steps", "boot", "--services", "local"]);
    assert_eq!(code, Some(0), "what runs no tests needs no other client: {report}");
    project.recipe(&recipe.replace("test -e other", "true"));
    let (report, code) = project.report(&["--steps", "test", "--services", "local"]);
    assert_eq!(code, Some(0), "{report}");
}

/// There is no Docker where this runs. A script stands in for its command line, in the calls that a check makes; what it
/// starts is a real server.
const DOCKER: &str = r#"
echo "$@" >>"$CALLS"
case "$*" in
    *" up "*)
        if [ -n "$HELD" ]; then
            trap 'echo ended >>"$CALLS"; exit 1' TERM
            : >"$HELD"
            while :; do sleep 0.05; done
        fi
        file=$(echo "$*" | sed 's/.*--file \(.*\) up .*/\1/')
        port=$(sed -n 's/.*127.0.0.1::\(.*\)"/\1/p' "$file")
        [ "$port" = 6379 ] || exit 1
        redis-server --port "$PORT" --bind 127.0.0.1 --save "" --dir "$CALLS.d" --daemonize yes --pidfile "$CALLS.pid" \
            --logfile "$CALLS.log" >&2
        until grep -q "Ready to accept" "$CALLS.log"; do sleep 0.05; done ;;
    *" port redis 6379") echo "127.0.0.1:$PORT" ;;
    *" down "*) kill "$(cat "$CALLS.pid")" ;;
esac
"#;

fn with_docker(project: &Project, path: &TempDir) -> Command {
    let real = on_path("redis-server").expect("Redis");
    let folder = real.parent().expect("a folder").display();
    script(path.path(), "docker", &format!("PATH=$PATH:{folder}:/usr/bin:/bin\n{DOCKER}"));
    let calls = path.path().join("calls");
    fs::create_dir(path.path().join("calls.d")).expect("a folder");
    fs::write(project.0.path.join("compose.yaml"), "services: {}\n").expect("a file");
    let port =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("an address").port();
    let mut command = project.command(&["--json", "--steps", "test", "--services", "compose"]);
    command.env("PATH", path.path()).env("CALLS", calls).env("PORT", port.to_string());
    command
}

#[test]
fn a_container_is_started_on_a_port_of_its_own_and_removed_after() {
    let project = Project::new("contained");
    let path = bare_path();
    let (report, code) = report(&run(with_docker(&project, &path)));
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["services"][0]["way"], "compose");
    wait_for("the end of the server", || !is_alive(project.said().server));
    let calls = fs::read_to_string(path.path().join("calls")).expect("calls");
    let calls: Vec<&str> = calls.lines().filter(|call| call.contains("--project-name")).collect();
    let ends = ["up --detach --wait redis", "port redis 6379", "down --volumes --timeout 5"];
    assert_eq!(calls.len(), ends.len(), "{calls:?}");
    for (call, end) in calls.iter().zip(ends) {
        assert!(call.starts_with("compose --project-name formwork-check-") && call.ends_with(end), "{call}");
        assert!(call.contains("/contained/compose.yaml --file "), "{call}");
    }
}

#[test]
fn a_container_is_removed_after_a_check_that_was_killed() {
    let project = Project::new("contained-killed");
    let path = bare_path();
    let (mut child, test) = start_endless(&project, with_docker(&project, &path));
    child.kill().expect("a kill");
    child.wait().expect("an end");
    wait_for("the end of the server", || !is_alive(project.said().server));
    kill_process(test, Signal::KILL).expect("the test goes on without its check");
}

#[test]
fn a_check_that_is_killed_while_containers_start_leaves_none() {
    let project = Project::new("contained-early");
    let path = bare_path();
    let held = path.path().join("held");
    let mut command = with_docker(&project, &path);
    command.env("HELD", &held).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("formwork runs");
    wait_for("the start of containers", || held.exists());
    child.kill().expect("a kill");
    child.wait().expect("an end");
    let calls = || fs::read_to_string(path.path().join("calls")).expect("calls");
    wait_for("their end", || calls().contains(" down "));
    let calls = calls();
    let last: Vec<&str> = calls.lines().rev().take(2).collect();
    assert!(last[0].ends_with("down --volumes --timeout 5"), "{calls}");
    assert_eq!(last[1], "ended", "they were removed while others were started: {calls}");
    let folder =
        last[0].rsplit_once("--file ").and_then(|(_, rest)| Path::new(rest.split_once(' ')?.0).parent());
    let folder = folder.expect("a file");
    wait_for("the end of its folder", || !folder.exists());
}

#[test]
fn a_program_that_is_too_old_is_passed_over_and_named_where_there_is_no_other() {
    let project = Project::new("old");
    let path = bare_path();
    script(path.path(), "redis-server", "echo 'Redis server v=5.0.14 sha=0'");
    let check = || {
        let mut command = project.command(&["--json", "--steps", "test", "--services", "local"]);
        command.env("PATH", path.path());
        run(command)
    };
    let outcome = check();
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.err.contains("is 5.0.14, and 6.0 is the oldest that will do"), "{}", outcome.err);
    let real = on_path("redis-server").expect("Redis");
    let folder = real.parent().expect("a folder").display().to_string();
    project.recipe(&RECIPE.replace("/opt/redis/*/bin", &folder));
    let outcome = check();
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.out, outcome.err);
    assert!(outcome.out.contains(&format!("\"{}\"", real.display())), "{}", outcome.out);
}

#[test]
fn a_program_without_what_is_needed_is_passed_over_and_named_where_there_is_no_other() {
    let project = Project::new("lacking");
    let path = bare_path();
    script(path.path(), "redis-server", "echo 'Redis server v=7.0.14 sha=0'");
    let bare = path.path().display().to_string();
    let test = format!("case $(command -v redis-server) in {bare}/*) echo has no module; false ;; esac");
    let recipe = RECIPE.replace("\nstart =", &format!("\nfits = '{test}'\nstart ="));
    let check = || {
        let mut command = project.command(&["--json", "--steps", "test", "--services", "local"]);
        command.env("PATH", path.path());
        run(command)
    };
    project.recipe(&recipe);
    let outcome = check();
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.err.contains(&format!("what is in {bare} has no module")), "{}", outcome.err);
    let real = on_path("redis-server").expect("Redis");
    let folder = real.parent().expect("a folder").display().to_string();
    project.recipe(&recipe.replace("/opt/redis/*/bin", &folder));
    let outcome = check();
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.out, outcome.err);
    assert!(outcome.out.contains(&format!("\"{}\"", real.display())), "{}", outcome.out);
}

#[test]
fn a_server_that_does_not_start_is_told_with_what_it_said() {
    let project = Project::new("unfit");
    project.recipe(&RECIPE.replace("--save", "--saev"));
    let outcome = project.check(&["--steps", "test", "--services", "local"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert!(outcome.err.contains("Redis does not start here"), "{}", outcome.err);
    assert!(
        outcome.err.contains("saev") && outcome.err.contains("target/formwork/redis.log"),
        "{}",
        outcome.err
    );
}

#[test]
fn a_recipe_that_cannot_be_followed_names_its_line() {
    let project = Project::new("unclear");
    project.recipe(&RECIPE.replace("oldest = \"6.0\"", "oldest = \"six\""));
    let outcome = project.check(&["--steps", "test"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.err);
    assert!(outcome.err.contains("formwork.toml:8"), "{}", outcome.err);
    assert!(outcome.err.contains("a version is numbers with dots between them"), "{}", outcome.err);
}
