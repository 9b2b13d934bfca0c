//! A small real project in a folder of its own, and the tool run on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// Everything but the probe: the small project makes no promises.
pub(crate) const STEPS: &str = "fmt,clippy,build,test,boot";

pub(crate) struct Fixture {
    _folder: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) cache: PathBuf,
}

pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Fixture {
    /// With a cache that all tests share, so that the crates are compiled once.
    pub(crate) fn new(name: &str) -> Self {
        Self::with_cache(name, Path::new(env!("CARGO_TARGET_TMPDIR")).join("check-cache"))
    }

    /// With a cache of the test's own.
    pub(crate) fn with_cache(name: &str, cache: PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/small"), &path);
        let fixture = Self { _folder: folder, path, cache };
        fixture.replace("Cargo.toml", "name = \"small\"", &format!("name = \"{name}\""));
        fixture.replace("Cargo.lock", "name = \"small\"", &format!("name = \"{name}\""));
        fixture
    }

    /// Changes a file; what is to be replaced must be there.
    pub(crate) fn replace(&self, file: &str, from: &str, to: &str) {
        let path = self.path.join(file);
        let text = fs::read_to_string(&path).expect("a readable file");
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(&path, text.replace(from, to)).expect("a writable file");
    }

    pub(crate) fn append(&self, file: &str, text: &str) {
        let path = self.path.join(file);
        let before = fs::read_to_string(&path).expect("a readable file");
        fs::write(&path, before + text).expect("a writable file");
    }

    pub(crate) fn formwork(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_formwork"));
        command.args(arguments).current_dir(&self.path).env("XDG_CACHE_HOME", &self.cache);
        command.env_remove("FORMWORK_CACHE_MAX");
        command
    }

    pub(crate) fn check(&self, steps: &str) -> Outcome {
        run(self.formwork(&["check", "--steps", steps]))
    }

    /// The report, and the exit code that came with it.
    pub(crate) fn report(&self, steps: &str) -> (Value, Option<i32>) {
        let outcome = run(self.formwork(&["check", "--json", "--steps", steps]));
        let report = serde_json::from_str(&outcome.out);
        (report.unwrap_or_else(|error| panic!("{error}: {}\n{}", outcome.out, outcome.err)), outcome.code)
    }

    /// Whether every unit that this cargo command needs was already compiled.
    pub(crate) fn compiles_nothing(&self, cargo: &[&str]) -> bool {
        let output = self.cargo(cargo).arg("--message-format=json").output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        let fresh: Vec<bool> = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["fresh"].as_bool())
            .collect();
        assert!(fresh.len() > 10, "cargo named only {} units", fresh.len());
        fresh.iter().all(|fresh| *fresh)
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        // As the user's shell would: the toolchain is the project's own.
        command.args(arguments).current_dir(&self.path).env_remove("RUSTUP_TOOLCHAIN");
        command
    }
}

pub(crate) fn run(mut command: Command) -> Outcome {
    Outcome::of(&command.output().expect("formwork runs"))
}

impl Outcome {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// One step of a report.
pub(crate) fn step<'a>(report: &'a Value, name: &str) -> &'a Value {
    let steps = report["steps"].as_array().expect("steps");
    steps.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("no step {name} in {report}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true if path.ends_with("target") => {}
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).expect("a copy")),
        }
    }
}
