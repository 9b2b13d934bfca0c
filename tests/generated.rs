//! The default project, whole: poured, proven, run again under load; and, from its crates, a second one, one whose owners
//! deleted the sample, and one with a team's own part.

#[path = "generated/lived.rs"]
mod lived;
#[path = "probe/sample.rs"]
mod sample;
#[path = "generated/team.rs"]
mod team;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

const PROMISES: [&str; 12] = ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12"];

/// The project's tests that are long where a variable says so, each with its module; see docs/ci.md.
const LONG: [(&str, &str); 4] = [
    ("TEST_JOBS", "jobs::endurance"),
    ("TEST_JOBS_ISOLATION", "jobs::"),
    ("TEST_CRASHES", "idempotency::crash"),
    ("TEST_KILLS", "instances::"),
];

/// Texts of the simulator: where its directions begin, and how its answers do.
const SIMULATOR: [&str; 2] = ["[[sim:", "This answer is simulated."];

/// One test, because each part stands on the one before: what the first project compiled, the second copies.
#[test]
fn the_default_project_is_proven_and_the_next_compile_no_crate_of_its_registry_again() {
    let home = Home::empty();
    let first = home.path.join("orders");
    let report = home.pour(&first, &[]);
    assert_steps_are_green(&report["check"]);
    assert_promises_are_kept(&report["check"]);
    assert_nothing_is_compiled_again(&home, &first);
    assert_is_clean(&first);
    assert_passes_under_load(&home, &first);
    assert_long_tests_pass(&home, &first);
    assert_only_debug_builds_simulate(&home, &first);

    let second = home.path.join("parts-list");
    home.pour(&second, &["--no-check"]);
    let report = home.check(&second, &["--steps", "clippy,build"]);
    assert_eq!(report["crates"]["compiled"], 0, "{report:#}");

    lived::assert_it_passes_without_its_sample(&home);
    team::assert_its_preset_holds(&home);
}

/// A folder outside of every repository and workspace, with a cache of its own.
struct Home {
    path: PathBuf,
    _folder: TempDir,
}

impl Home {
    fn empty() -> Self {
        let folder = TempDir::new().expect("a folder");
        Self { path: folder.path().to_owned(), _folder: folder }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // Cargo's own variables speak of this test, not of the project.
        for (name, _) in std::env::vars() {
            if name.starts_with("CARGO_") && name != "CARGO_HOME" {
                command.env_remove(name);
            }
        }
        for (variable, _) in LONG {
            command.env_remove(variable);
        }
        command.env_remove("RUSTUP_TOOLCHAIN").env("XDG_CACHE_HOME", self.path.join("cache"));
        command
    }

    fn pour(&self, path: &Path, flags: &[&str]) -> Value {
        self.formwork(&[&["new", "--yes", "--json"], flags].concat(), path)
    }

    fn check(&self, path: &Path, flags: &[&str]) -> Value {
        self.formwork(&[&["check", "--json"], flags].concat(), path)
    }

    fn formwork(&self, arguments: &[&str], path: &Path) -> Value {
        let mut formwork = self.command(env!("CARGO_BIN_EXE_formwork"));
        let output = formwork.args(arguments).arg(path).output().expect("formwork starts");
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
        assert!(output.status.success(), "{report:#}\n{}", told(&output));
        report
    }
}

fn told(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn steps(check: &Value) -> &[Value] {
    check["steps"].as_array().expect("steps")
}

fn assert_steps_are_green(check: &Value) {
    let names: Vec<_> = steps(check).iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(names, ["fmt", "clippy", "build", "test", "boot", "probe"]);
    for step in steps(check) {
        assert_eq!(step["outcome"], "passed", "{step:#}");
    }
}

fn assert_promises_are_kept(check: &Value) {
    let probe = steps(check).iter().find(|step| step["step"] == "probe").expect("a probe");
    let cases = probe["cases"].as_array().expect("promises").iter();
    let kept = cases.filter(|case| case["outcome"] == "kept").filter_map(|case| case["name"].as_str());
    let names: Vec<_> = kept.filter_map(|name| name.split(' ').next()).collect();
    assert_eq!(names, PROMISES, "{check:#}");
}

/// What the check built is what `cargo run` needs.
fn assert_nothing_is_compiled_again(home: &Home, project: &Path) {
    let mut cargo = home.command("cargo");
    cargo.args(["build", "--locked", "--message-format=json"]).current_dir(project);
    let output = cargo.output().expect("cargo starts");
    assert!(output.status.success(), "{}", told(&output));
    let messages = String::from_utf8(output.stdout).expect("text");
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let artifacts: Vec<_> = artifacts.filter(|message| message["reason"] == "compiler-artifact").collect();
    assert!(artifacts.len() > 200, "{} artifacts", artifacts.len());
    for artifact in artifacts {
        assert_eq!(artifact["fresh"], true, "{artifact:#}");
    }
}

/// The check leaves nothing that is neither committed nor ignored.
fn assert_is_clean(project: &Path) {
    let status = Command::new("git").args(["status", "--porcelain"]).current_dir(project).output();
    let status = status.expect("git starts");
    assert!(status.status.success());
    assert_eq!(String::from_utf8_lossy(&status.stdout), "");
}

/// What stands in for the provider of models is in no build without debug assertions, as a release build is.
fn assert_only_debug_builds_simulate(home: &Home, project: &Path) {
    let has_simulator = || {
        let binary = fs::read(project.join("target/debug/orders")).expect("a binary");
        SIMULATOR.map(|text| binary.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    assert_eq!(has_simulator(), [true; SIMULATOR.len()]);
    let mut cargo = home.command("cargo");
    // The project's own crate alone: a whole release build takes minutes.
    cargo.args(["build", "--locked", "--config", "profile.dev.package.orders.debug-assertions=false"]);
    let output = cargo.current_dir(project).output().expect("cargo starts");
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(has_simulator(), [false; SIMULATOR.len()]);
}

/// Twice more, in parallel as always, while another core is never idle.
fn assert_passes_under_load(home: &Home, project: &Path) {
    let done = AtomicBool::new(false);
    let passes = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let test = || {
            let mut cargo = home.command("cargo");
            let output =
                cargo.args(["test", "--locked"]).current_dir(project).output().expect("cargo starts");
            (output.status.success(), told(&output))
        };
        let passes = [test(), test()];
        done.store(true, Ordering::Relaxed);
        passes
    });
    for (passed, output) in passes {
        assert!(passed, "{output}");
    }
}

/// Once, by themselves: everywhere else they are short.
fn assert_long_tests_pass(home: &Home, project: &Path) {
    for (variable, module) in LONG {
        let Ok(size) = std::env::var(variable) else { continue };
        let mut cargo = home.command("cargo");
        cargo.args(["test", "--locked", "--test", "it", module]).env(variable, size).current_dir(project);
        let output = cargo.output().expect("cargo starts");
        assert!(output.status.success(), "{}", told(&output));
    }
}
