//! Runs the tool and looks at what it made.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use formwork::{
    answers::{Answers, Choices, ProjectName},
    catalog::{Catalog, Source},
};
use tempfile::TempDir;

/// A run of the tool, built word by word.
pub(crate) struct Formwork(pub(crate) Command);

pub(crate) fn formwork(arguments: &str) -> Formwork {
    let mut command = Command::new(env!("CARGO_BIN_EXE_formwork"));
    command.args(arguments.split_whitespace()).stdin(Stdio::null()).env("NO_COLOR", "1");
    Formwork(command)
}

/// `formwork new` without the check, which has tests of its own.
pub(crate) fn new(arguments: &str) -> Formwork {
    formwork(&format!("new --no-check {arguments}"))
}

impl Formwork {
    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn run(mut self) -> Outcome {
        Outcome::of(self.0.output().unwrap())
    }

    /// Runs and expects exit code 0; gives standard output.
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        let outcome = self.run();
        assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
        outcome.stdout
    }

    /// Runs, expects this exit code and every text in the error.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, texts: &[&str]) -> Outcome {
        let outcome = self.run();
        assert_eq!(outcome.code, Some(code), "{}{}", outcome.stdout, outcome.stderr);
        for text in texts {
            assert!(outcome.stderr.contains(text), "{text:?} is not in:\n{}", outcome.stderr);
        }
        outcome
    }
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

pub(crate) fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Every file below a folder but git's own, with its content.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = all.filter(|entry| entry.file_type().is_file());
    let relative = files.map(|file| {
        let path = file.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        (path, fs::read(file.path()).unwrap())
    });
    relative.filter(|(path, _)| !path.starts_with(".git/")).collect()
}

/// The names in a folder, hidden ones too.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=owner", "-c", "user.email=owner@example.org"]);
    let outcome = Outcome::of(command.args(arguments).output().unwrap());
    assert_eq!(outcome.code, Some(0), "git {arguments:?}: {}", outcome.stderr);
    outcome.stdout.trim_end().to_owned()
}

pub(crate) fn cargo(folder: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new("cargo");
    Outcome::of(command.current_dir(folder).args(arguments).output().unwrap())
}

pub(crate) fn fixture_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog")
}

pub(crate) fn fixture() -> Catalog {
    Catalog::load(Source::folder(&fixture_folder()).unwrap()).unwrap()
}

pub(crate) fn answers(catalog: &Catalog, name: &str, pairs: &[&str]) -> formwork::error::Result<Answers> {
    let mut choices = Choices::default();
    for pair in pairs {
        choices.set_pair(catalog, pair)?;
    }
    Answers::recommended(catalog, ProjectName::new(name)?, &choices)
}
