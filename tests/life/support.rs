//! Catalogs that change, projects that are poured from them, and owners with git.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use formwork::{
    answers::{Answers, Choices, ProjectName},
    catalog::{Catalog, Plan, Source},
    error::Result,
    interrupt::Interrupt,
    life::{Applied, AsOf, Change, Owned, Repository, Standard, Wish, followers},
    project::{self, Pouring, Project, Site},
    render,
};
use tempfile::TempDir;

/// The templates of some version: a copy of the fixture that a test makes newer.
pub(crate) struct Templates(TempDir);

impl Templates {
    pub(crate) fn new() -> Self {
        let folder = temp();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/life"), folder.path());
        Self(folder)
    }

    pub(crate) fn catalog(&self) -> Catalog {
        Catalog::load(Source::folder(self.0.path()).unwrap()).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        write(self.0.path(), path, text);
    }

    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        edit(self.0.path(), path, from, to);
    }

    pub(crate) fn remove(&self, path: &str) {
        let path = self.0.path().join(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// A new project of these templates, in a repository of its own.
    pub(crate) fn pour(&self, pairs: &[&str]) -> Service {
        let folder = temp();
        let path = folder.path().join("orders");
        self.pour_at(&path, pairs);
        Service { path, _folder: folder }
    }

    pub(crate) fn pour_at(&self, path: &Path, pairs: &[&str]) {
        let catalog = self.catalog();
        let name = ProjectName::of_path(path).unwrap();
        let answers = Answers::recommended(&catalog, name, &choices(&catalog, pairs)).unwrap();
        let site = Site::find(path, project::Wish::None).unwrap();
        let render = render::render(&Plan::new(&catalog, &answers).unwrap()).unwrap();
        let project = Project::compose(render.tree, &render.servers, &answers, &site.place).unwrap();
        let interrupt = Interrupt::default();
        project
            .pour(&site, &answers, Pouring { with_git: true, offline: false, interrupt: &interrupt })
            .unwrap();
    }

    /// What `formwork update` does with these templates.
    pub(crate) fn try_update(&self, project: &Path) -> Result<Done> {
        run(Wish::Update, &self.catalog(), project, &[])
    }

    pub(crate) fn try_set(&self, project: &Path, pairs: &[&str]) -> Result<Done> {
        run(Wish::Set, &self.catalog(), project, pairs)
    }

    /// Updates, and expects one commit.
    #[track_caller]
    pub(crate) fn update(&self, project: &Path) -> Change {
        self.try_update(project).unwrap().committed(project)
    }

    #[track_caller]
    pub(crate) fn set(&self, project: &Path, pairs: &[&str]) -> Change {
        self.try_set(project, pairs).unwrap().committed(project)
    }

    /// Updates, and expects conflicts in exactly these files.
    #[track_caller]
    pub(crate) fn update_conflicts(&self, project: &Path, paths: &[&str]) -> Change {
        self.try_update(project).unwrap().in_conflict(project, paths)
    }
}

fn run(wish: Wish, catalog: &Catalog, project: &Path, pairs: &[&str]) -> Result<Done> {
    let pairs: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
    let folder = Owned::folder(project)?;
    let repository = Repository::of(&folder)?;
    let owned = Owned::find(&folder)?;
    owned.expect_not_newer()?;
    repository.expect_clean()?;
    let as_of = if wish == Wish::Update { AsOf::Today } else { AsOf::Render };
    let standard = Standard::of(&owned, catalog, as_of, &[])?;
    let asked = followers::asked(&standard.catalog, &pairs)?;
    let settled = followers::settle(&standard.catalog, &owned, &asked)?;
    assert_eq!(settled.len(), 1, "{settled:?}");
    let change = Change::prepare(wish, &standard, &owned, &repository, &settled[0], false)?;
    let applied = match change.is_empty() {
        true => None,
        false => Some(change.apply(&repository)?),
    };
    Ok(Done { change, applied })
}

pub(crate) struct Done {
    pub(crate) change: Change,
    pub(crate) applied: Option<Applied>,
}

impl Done {
    #[track_caller]
    pub(crate) fn committed(self, project: &Path) -> Change {
        assert!(self.change.conflicts.is_empty(), "{:?}", self.change.conflicts);
        match &self.applied {
            Some(Applied::Committed(commit)) => assert_eq!(git(project, &["rev-parse", "HEAD"]), *commit),
            other => panic!("{other:?}"),
        }
        assert_eq!(git(project, &["status", "--porcelain", "--untracked-files=no"]), "");
        assert_nothing_is_left(project);
        self.change
    }

    #[track_caller]
    pub(crate) fn in_conflict(self, project: &Path, paths: &[&str]) -> Change {
        assert_eq!(self.applied, Some(Applied::InConflict));
        let root = git(project, &["rev-parse", "--show-toplevel"]);
        let unmerged = git(Path::new(&root), &["diff", "--name-only", "--diff-filter=U"]);
        assert_eq!(unmerged.lines().collect::<Vec<_>>(), paths);
        let conflicts: Vec<_> = self.change.conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
        assert_eq!(conflicts, paths);
        assert_nothing_is_left(project);
        self.change
    }

    #[track_caller]
    pub(crate) fn nothing(self) {
        assert!(self.applied.is_none(), "{:?}", self.change.files);
    }
}

/// Of a run that ended: no lock, no journal, no scratch.
#[track_caller]
pub(crate) fn assert_nothing_is_left(project: &Path) {
    let git_dir = PathBuf::from(git(project, &["rev-parse", "--absolute-git-dir"]));
    assert!(!git_dir.join("index.lock").exists());
    let left: Vec<_> = fs::read_dir(git_dir.join("formwork")).into_iter().flatten().flatten().collect();
    // The run that is looked at may not have ended in this process yet: its scratch goes with it.
    let left = left.iter().map(|entry| entry.file_name().into_string().unwrap());
    let left: Vec<_> = left.filter(|name| !name.starts_with("scratch-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A project with its owner.
pub(crate) struct Service {
    pub(crate) path: PathBuf,
    _folder: TempDir,
}

impl Service {
    pub(crate) fn write(&self, path: &str, text: &str) {
        write(&self.path, path, text);
    }

    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        edit(&self.path, path, from, to);
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path.join(path)).unwrap()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.path.join(path).exists()
    }

    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.path, arguments)
    }

    /// The owner's commit of all that is there.
    #[track_caller]
    pub(crate) fn commit(&self) {
        commit(&self.path);
    }

    pub(crate) fn commits(&self) -> usize {
        self.git(&["rev-list", "--count", "HEAD"]).parse().unwrap()
    }
}

#[track_caller]
pub(crate) fn commit(folder: &Path) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "by the owner"]);
}

pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

#[track_caller]
pub(crate) fn edit(folder: &Path, path: &str, from: &str, to: &str) {
    let file = folder.join(path);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {path}:\n{text}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in walkdir::WalkDir::new(from).min_depth(1).into_iter().map(std::result::Result::unwrap) {
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(target).unwrap(),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

pub(crate) fn choices(catalog: &Catalog, pairs: &[&str]) -> Choices {
    let mut choices = Choices::default();
    for pair in pairs {
        choices.set_pair(catalog, pair).unwrap();
    }
    choices
}

pub(crate) fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32, texts: &[&str]) -> String {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, Some(code), "{all}");
        texts.iter().for_each(|text| assert!(all.contains(text), "{text:?} is not in:\n{all}"));
        self.stdout
    }
}

/// The tool itself, on its own templates.
pub(crate) fn formwork(folder: &Path, arguments: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_formwork"));
    command.args(arguments.split_whitespace()).current_dir(folder).stdin(Stdio::null()).env("NO_COLOR", "1");
    Outcome::of(command.output().unwrap())
}

pub(crate) fn try_git(folder: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_EDITOR", "true").stdin(Stdio::null());
    command.args([
        "-c",
        "user.name=owner",
        "-c",
        "user.email=owner@example.org",
        "-c",
        "protocol.file.allow=always",
    ]);
    Outcome::of(command.args(arguments).output().unwrap())
}

#[track_caller]
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let outcome = try_git(folder, arguments);
    assert_eq!(outcome.code, Some(0), "git {arguments:?}: {}{}", outcome.stdout, outcome.stderr);
    outcome.stdout.trim_end().to_owned()
}

/// Every file below a folder but git's own, with its content.
pub(crate) fn all_files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = walkdir::WalkDir::new(folder).into_iter().map(std::result::Result::unwrap);
    let files = all.filter(|entry| entry.file_type().is_file());
    let relative = files.map(|file| {
        let path = file.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        (path, fs::read(file.path()).unwrap())
    });
    relative.filter(|(path, _)| !path.starts_with(".git/")).collect()
}

/// cargo agrees with the lock that is committed.
#[track_caller]
pub(crate) fn assert_locked(project: &Path) {
    let mut command = Command::new("cargo");
    command.args(["metadata", "--locked", "--format-version", "1"]).current_dir(project);
    Outcome::of(command.output().unwrap()).expect(0, &[]);
}
