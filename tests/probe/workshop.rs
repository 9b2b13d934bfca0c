//! A project of each kind, poured and built once, whose source is changed and built again for each test. Tests take
//! turns: the probe measures times, and the machine may have two cores.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use formwork::{
    check::{
        probe::{self, Place},
        report::Case,
        services::Settings,
    },
    interrupt::Interrupt,
};

use crate::source::{NAME, Source};

/// An option of the slot `concurrency`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Concurrency {
    Async,
    Threads,
    PerCore,
}

impl Concurrency {
    pub(crate) const ALL: [Self; 3] = [Self::Async, Self::Threads, Self::PerCore];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Async => "async",
            Self::Threads => "threads",
            Self::PerCore => "per-core",
        }
    }
}

/// What a project is poured from, beside what is recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) asks_a_model: bool,
    pub(crate) concurrency: Concurrency,
}

impl Kind {
    pub(crate) fn answers(self) -> Vec<String> {
        let model = (!self.asks_a_model).then(|| "llm=none".to_owned());
        model.into_iter().chain([format!("concurrency={}", self.concurrency.name())]).collect()
    }

    fn folder(self) -> PathBuf {
        let model = if self.asks_a_model { "with-model" } else { "without-model" };
        let name = format!("{}-{model}", self.concurrency.name());
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("workshop").join(name)
    }
}

/// Those that were poured and built by this process.
static BUILT: Mutex<BTreeSet<Kind>> = Mutex::new(BTreeSet::new());

/// A project that nobody else uses meanwhile, nor another one.
pub(crate) struct Workshop {
    kind: Kind,
    _turn: MutexGuard<'static, BTreeSet<Kind>>,
}

impl Workshop {
    /// Waits for its turn; the first one of a kind pours and builds.
    pub(crate) fn enter(kind: Kind) -> Self {
        // A test that failed has put the source back all the same.
        let turn = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workshop = Self { kind, _turn: turn };
        if !workshop._turn.contains(&kind) {
            workshop.pour();
            workshop._turn.insert(kind);
        }
        workshop
    }

    /// Where the last run poured too, with what it compiled of other people's crates: nothing removes that at the end.
    fn pour(&self) {
        let (folder, project) = (self.kind.folder(), self.project());
        let (compiled, kept) = (project.join("target"), folder.join("compiled"));
        if compiled.exists() {
            fs::rename(&compiled, &kept).expect("what was compiled can be kept");
        }
        if project.exists() {
            fs::remove_dir_all(&project).expect("the last run's project can be removed");
        }
        fs::create_dir_all(&folder).expect("a folder");
        let answers = self.kind.answers();
        let answers = answers.iter().flat_map(|answer| ["--set", answer]);
        let new = ["new", NAME, "--yes", "--no-check", "--no-git", "--standalone"];
        formwork(&folder, &new.into_iter().chain(answers).collect::<Vec<_>>());
        if kept.exists() {
            fs::rename(&kept, &compiled).expect("what was compiled can be put back");
        }
        // Takes the compiled crates from the cache that all tests share, and leaves them there.
        formwork(&project, &["check", "--steps", "build"]);
    }

    fn project(&self) -> PathBuf {
        self.kind.folder().join(NAME)
    }

    fn built(&self) -> PathBuf {
        self.project().join("target/debug").join(NAME)
    }

    /// The service as it was poured.
    pub(crate) fn binary(&self) -> PathBuf {
        build(&self.project());
        self.built()
    }

    /// An empty folder beside the project.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        let folder = self.kind.folder().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// Changes the source, builds, probes the binary, and puts the source back.
    pub(crate) fn probe(&self, change: impl FnOnce(&mut Source)) -> Vec<Case> {
        let mut source = Source::of(self.kind);
        change(&mut source);
        let project = self.project();
        let _changed = Changed::new(&project, &source);
        build(&project);
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let logs = project.join("target/formwork/probe");
        let servers = Settings::default();
        let place = Place { binary: &self.built(), scratch: scratch.path(), logs: &logs, servers: &servers };
        probe::run(&place, &Interrupt::default(), &|_, _| {}).expect("cases")
    }
}

/// A project's files while they are changed. They are put back when this is dropped.
struct Changed<'a> {
    project: &'a Path,
    source: &'a Source,
}

impl<'a> Changed<'a> {
    fn new(project: &'a Path, source: &'a Source) -> Self {
        for (file, before, after) in source.changes() {
            let there = fs::read_to_string(project.join(file)).ok();
            assert_eq!(there.as_deref(), before, "{file} is not what was poured");
            put(&project.join(file), after);
        }
        Self { project, source }
    }
}

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        for (file, before, _) in self.source.changes() {
            put(&self.project.join(file), before);
        }
    }
}

fn put(path: &Path, text: Option<&str>) {
    match text {
        Some(text) => fs::write(path, text).expect("a writable file"),
        None => fs::remove_file(path).expect("a removable file"),
    }
}

fn formwork(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_formwork"));
    command.args(arguments).current_dir(folder);
    command.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("check-cache"));
    succeed(&mut command);
}

fn build(project: &Path) {
    // As the user's shell would: the toolchain is the project's own.
    succeed(
        Command::new("cargo")
            .args(["build", "--locked"])
            .current_dir(project)
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("CARGO_TARGET_DIR"),
    );
}

fn succeed(command: &mut Command) {
    let output = command.output().expect("a program that runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
}
