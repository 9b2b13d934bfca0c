//! One project, poured and built once, whose source is changed and built again for each test. Tests take
//! turns: the probe measures times, and the machine may have two cores.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use formwork::{
    check::{
        probe::{self, Place},
        report::{Case, CaseOutcome},
        services::Settings,
    },
    interrupt::Interrupt,
};

/// What the default project promises, and the probe can test.
pub(crate) const ALL: [&str; 12] =
    ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12"];

pub(crate) struct Workshop {
    folder: PathBuf,
}

/// A workshop that nobody else uses meanwhile, nor another one.
pub(crate) struct Turn {
    workshop: &'static Workshop,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    fn wait(workshop: &'static OnceLock<Workshop>, name: &str, answers: &[&str]) -> Self {
        static TURNS: Mutex<()> = Mutex::new(());
        // A test that failed has put the source back all the same.
        let turn = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        Self { workshop: workshop.get_or_init(|| Workshop::pour(name, answers)), _turn: turn }
    }
}

impl Deref for Turn {
    type Target = Workshop;

    fn deref(&self) -> &Workshop {
        self.workshop
    }
}

/// A change of one file. Its text must be there: a variant that changes nothing proves nothing.
pub(crate) struct Change {
    pub(crate) file: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
}

impl Workshop {
    /// Waits for its turn; the first one pours and builds.
    pub(crate) fn enter() -> Turn {
        static DEFAULT: OnceLock<Workshop> = OnceLock::new();
        Turn::wait(&DEFAULT, "default", &[])
    }

    /// The one for a service that asks no model.
    pub(crate) fn enter_without_model() -> Turn {
        static WITHOUT_MODEL: OnceLock<Workshop> = OnceLock::new();
        Turn::wait(&WITHOUT_MODEL, "without-model", &["--set", "llm=none"])
    }

    /// Where the last run poured too: nothing ends a static, so what was poured stays until then.
    fn pour(name: &str, answers: &[&str]) -> Self {
        let workshop = Self { folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("workshop").join(name) };
        let parent = &workshop.folder;
        if parent.exists() {
            fs::remove_dir_all(parent).expect("the last run's workshop can be removed");
        }
        fs::create_dir_all(parent).expect("a folder");
        formwork(
            parent,
            &[&["new", "orders", "--yes", "--no-check", "--no-git", "--standalone"], answers].concat(),
        );
        // Takes the compiled crates from the cache that all tests share, and leaves them there.
        formwork(&workshop.project(), &["check", "--steps", "build"]);
        workshop
    }

    fn project(&self) -> PathBuf {
        self.folder.join("orders")
    }

    /// The service as it was poured.
    pub(crate) fn binary(&self) -> PathBuf {
        build(&self.project());
        self.project().join("target/debug/orders")
    }

    /// An empty folder beside the project.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// Changes the source, builds, probes the binary, and puts the source back.
    pub(crate) fn probe(&self, changes: &[Change]) -> Vec<Case> {
        self.probe_with(|source| changes.iter().for_each(|change| source.apply(change)))
    }

    pub(crate) fn probe_with(&self, change: impl FnOnce(&mut Source)) -> Vec<Case> {
        let mut source = Source { project: self.project(), before: Vec::new() };
        change(&mut source);
        build(&self.project());
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let place = Place {
            binary: &self.project().join("target/debug/orders"),
            scratch: scratch.path(),
            logs: &self.project().join("target/formwork/probe"),
            servers: &Settings::default(),
        };
        probe::run(&place, &Interrupt::default(), &|_, _| {}).expect("cases")
    }
}

/// The project's source while it is changed.
pub(crate) struct Source {
    project: PathBuf,
    /// What every touched file held; none for one that was not there.
    before: Vec<(PathBuf, Option<String>)>,
}

impl Source {
    pub(crate) fn apply(&mut self, change: &Change) {
        let text = self.read(change.file);
        assert!(text.contains(change.from), "{} no longer has {:?}", change.file, change.from);
        self.write(change.file, &text.replace(change.from, change.to));
    }

    pub(crate) fn edit(&mut self, file: &str, edit: impl FnOnce(String) -> String) {
        let text = self.read(file);
        let edited = edit(text.clone());
        assert_ne!(edited, text, "{file} is as it was");
        self.write(file, &edited);
    }

    pub(crate) fn write(&mut self, file: &str, text: &str) {
        let path = self.project.join(file);
        self.before.push((path.clone(), fs::read_to_string(&path).ok()));
        fs::write(path, text).expect("a writable file");
    }

    pub(crate) fn remove(&mut self, file: &str) {
        let path = self.project.join(file);
        self.before.push((path.clone(), Some(self.read(file))));
        fs::remove_file(path).expect("a removable file");
    }

    /// In every file below `src/`.
    pub(crate) fn replace_everywhere(&mut self, from: &str, to: &str) {
        let mut found = false;
        for file in sources(&self.project.join("src")) {
            let file = file.strip_prefix(&self.project).expect("a file of the project").to_owned();
            let file = file.to_str().expect("a plain name");
            let text = self.read(file);
            if text.contains(from) {
                found = true;
                self.write(file, &text.replace(from, to));
            }
        }
        assert!(found, "no file has {from:?}");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.project.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        for (path, text) in self.before.drain(..).rev() {
            let restored = match text {
                Some(text) => fs::write(&path, text),
                None => fs::remove_file(&path),
            };
            restored.expect("the source is put back");
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a readable folder").flatten();
    let inside = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    entries.map(|entry| entry.path()).flat_map(inside).collect()
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

/// The promises with this outcome, in their order.
pub(crate) fn with(outcome: CaseOutcome, cases: &[Case]) -> Vec<&str> {
    let id = |case: &'_ Case| case.outcome == outcome;
    cases.iter().filter(|case| id(case)).map(|case| case.name.split(' ').next().unwrap_or_default()).collect()
}

/// The sentences that say why.
pub(crate) fn reasons(cases: &[Case]) -> String {
    let red = cases.iter().filter(|case| case.outcome.is_red());
    red.map(|case| format!("{}: {}\n", case.name, case.detail.as_deref().unwrap_or_default())).collect()
}
