//! Makes a change, so that a kill at any moment leaves what the next run can finish.
//!
//! Everything is in git's object store before the first file changes. A journal in `.git/formwork` says what is being
//! made; git's own `index.lock`, which holds the journal too, keeps other commands out. Each step can be done twice.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    change::Change,
    guard::{self, Touched},
    merge::Stage,
    repository::{Item, Repository, ZERO, listed},
    scratch,
};
use crate::{
    error::{Error, Result},
    project::disk,
};

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    Committed(String),
    /// Conflicts stand in the working tree; git has the state of a cherry-pick.
    InConflict,
}

/// Where a change was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub commit: String,
    /// As a whole reference; `HEAD` where no branch is checked out.
    branch: String,
}

impl Made {
    /// What is checked out.
    pub fn now(repository: &Repository) -> Result<Self> {
        let mut command = repository.git();
        let said = repository.read(command.args(["rev-parse", "HEAD", "--symbolic-full-name", "HEAD"]))?;
        let mut lines = said.lines().map(str::to_owned);
        let mut next = || lines.next().unwrap_or_default();
        Ok(Self { commit: next(), branch: next() })
    }
}

/// A change that an earlier run began.
#[derive(Clone, Debug)]
pub struct Interrupted(Journal);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Journal {
    /// Of this file's layout.
    formwork: u32,
    /// The name of its scratch.
    #[serde(default)]
    run: String,
    head: String,
    /// What HEAD becomes, or with conflicts what is being picked.
    commit: String,
    tree: String,
    message: String,
    #[serde(default)]
    stages: Vec<Side>,
    is_conflict: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Side {
    path: String,
    number: u8,
    mode: String,
    blob: String,
}

impl Change {
    /// One commit on top of HEAD, or conflicts to resolve.
    pub fn apply(&self, repository: &Repository) -> Result<Applied> {
        let is_conflict = !self.conflicts.is_empty();
        let commit = match is_conflict {
            true => self.loose_commit.clone(),
            false => repository.commit(&self.tree, &repository.head, &self.message)?,
        };
        let side = |stage: &Stage| Side {
            path: stage.path.clone(),
            number: stage.number,
            mode: stage.item.mode.clone(),
            blob: stage.item.blob.clone(),
        };
        let journal = Journal {
            formwork: 1,
            run: repository.scratch.name(),
            head: repository.head.clone(),
            commit: commit.clone(),
            tree: self.tree.clone(),
            message: self.message.clone(),
            stages: self.stages.iter().map(side).collect(),
            is_conflict,
        };
        Work { repository, journal: &journal }.begin()?;
        Ok(if is_conflict { Applied::InConflict } else { Applied::Committed(commit) })
    }
}

/// Takes HEAD back from `made` to `earlier`. Where somebody has gone on meanwhile, what they did stands.
pub fn take_back(repository: &Repository, made: &Made, earlier: &str) -> Result<()> {
    if *made != Made::now(repository)? {
        return Err(Error::failed("somebody went on in this repository, so the change is not taken back")
            .at(&repository.root, None)
            .help(format!("to take it back: git revert {}", made.commit)));
    }
    repository.expect_clean()?;
    let tree = repository.read(repository.git().args(["rev-parse", &format!("{earlier}^{{tree}}")]))?;
    let journal = Journal {
        formwork: 1,
        run: repository.scratch.name(),
        head: repository.head.clone(),
        commit: earlier.to_owned(),
        tree: tree.trim().to_owned(),
        message: "take back".to_owned(),
        stages: Vec::new(),
        is_conflict: false,
    };
    Work { repository, journal: &journal }.begin()
}

impl Interrupted {
    /// What a killed run left, if one did.
    pub fn find(repository: &Repository) -> Result<Option<Self>> {
        let read = |path: &Path| {
            fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Journal>(&bytes).ok())
        };
        if let Some(journal) = read(&journal_file(repository)) {
            expect_dead(repository, &journal)?;
            return Ok(Some(Self(journal)));
        }
        // Killed after it took the lock and before anything else.
        if let Some(journal) = read(&lock_file(repository)) {
            expect_dead(repository, &journal)?;
            remove(&lock_file(repository))?;
        }
        Ok(None)
    }

    /// Finishes it, if HEAD is still where it was; gives the files of somebody else that were in the way, which are kept
    /// in `.git/formwork/kept`.
    pub fn finish(&self, repository: &Repository) -> Result<Vec<String>> {
        let work = Work { repository, journal: &self.0 };
        if repository.head != self.0.head && (self.0.is_conflict || repository.head != self.0.commit) {
            // Somebody went on by hand: what they did stands.
            work.end()?;
            return Ok(Vec::new());
        }
        let kept = match repository.head == self.0.head {
            true => work.keep_strangers()?,
            false => Vec::new(),
        };
        work.lock_again()?;
        work.run().map_err(half_made)?;
        Ok(kept)
    }

    pub fn is_conflict(&self) -> bool {
        self.0.is_conflict
    }

    pub fn commit(&self) -> &str {
        &self.0.commit
    }
}

fn expect_dead(repository: &Repository, journal: &Journal) -> Result<()> {
    if !scratch::is_at_work(&repository.git_dir, &journal.run) {
        return Ok(());
    }
    let folder = folder(repository).join(&journal.run);
    Err(Error::usage("another formwork changes this repository")
        .at(&folder, None)
        .help("wait until it is done; if none is at work, remove this folder"))
}

fn folder(repository: &Repository) -> PathBuf {
    scratch::folder(&repository.git_dir)
}

fn journal_file(repository: &Repository) -> PathBuf {
    folder(repository).join("journal.json")
}

fn lock_file(repository: &Repository) -> PathBuf {
    repository.git_dir.join("index.lock")
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk::failed(path, &error)),
        _ => Ok(()),
    }
}

struct Work<'a> {
    repository: &'a Repository,
    journal: &'a Journal,
}

impl Work<'_> {
    fn begin(&self) -> Result<()> {
        let text = serde_json::to_vec(self.journal)
            .map_err(|error| Error::failed("cannot write down what is to be done").cause(error))?;
        // Of a run that is killed before it is the journal, the draft goes with the rest of the scratch.
        let draft = self.repository.scratch.path().join("journal");
        fs::write(&draft, text).map_err(|error| disk::failed(&draft, &error))?;
        let begun = self.lock(&draft).and_then(|()| self.expect_unchanged()).and_then(|()| {
            let journal = journal_file(self.repository);
            fs::rename(&draft, &journal).map_err(|error| disk::failed(&journal, &error))
        });
        if let Err(error) = begun {
            let is_ours = fs::read(&draft).ok() == fs::read(lock_file(self.repository)).ok();
            if is_ours {
                remove(&lock_file(self.repository))?;
            }
            return Err(error);
        }
        self.run().map_err(half_made)
    }

    /// The lock appears with its content: whoever finds it can tell whose it is.
    fn lock(&self, journal: &Path) -> Result<()> {
        let lock = lock_file(self.repository);
        fs::hard_link(journal, &lock).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::usage("another git command is at work in this repository")
                .at(&lock, None)
                .help("wait until it is done; if none is, remove this file"),
            _ => disk::failed(&lock, &error),
        })
    }

    fn lock_again(&self) -> Result<()> {
        let lock = lock_file(self.repository);
        match fs::read(&lock).ok() == fs::read(journal_file(self.repository)).ok() {
            true => Ok(()),
            false => self.lock(&journal_file(self.repository)),
        }
    }

    /// Between the look and the lock somebody may have worked here.
    fn expect_unchanged(&self) -> Result<()> {
        let repository = self.repository;
        repository.expect_clean()?;
        let head = repository.read(repository.git().args(["rev-parse", "HEAD"]))?;
        if head.trim() != self.journal.head {
            return Err(Error::usage("somebody committed here in the meantime").help("run it again"));
        }
        guard::expect_free_way(repository, &self.journal.head, &self.journal.tree)
    }

    fn run(&self) -> Result<()> {
        let repository = self.repository;
        let index = folder(repository).join("index");
        let real = repository.git_dir.join("index");
        let head = repository.read(repository.git().args(["rev-parse", "HEAD"]))?;
        if head.trim() == self.journal.head {
            repository.copy_index(&index)?;
            // Whatever the files are at this moment: a killed run may have written some.
            self.read(&index, &["read-tree", "-m", "-i", &self.journal.tree])?;
            self.write_files(&index)?;
            self.write_stages(&index)?;
            self.write_state()?;
            fs::rename(&index, &real).map_err(|error| disk::failed(&real, &error))?;
            if !self.journal.is_conflict {
                let subject = self.journal.message.lines().next().unwrap_or_default();
                let note = format!("formwork: {subject}");
                let mut command = repository.git();
                command.args(["update-ref", "-m", &note, "HEAD", &self.journal.commit, &self.journal.head]);
                repository.read(&mut command)?;
            }
        }
        self.end()
    }

    fn end(&self) -> Result<()> {
        let lock = lock_file(self.repository);
        if fs::read(&lock).ok() == fs::read(journal_file(self.repository)).ok() {
            remove(&lock)?;
        }
        remove(&folder(self.repository).join("index"))?;
        remove(&journal_file(self.repository))
    }

    fn read(&self, index: &Path, arguments: &[&str]) -> Result<String> {
        self.repository.read(self.repository.git().env("GIT_INDEX_FILE", index).args(arguments))
    }

    fn feed(&self, index: &Path, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = self.repository.git();
        self.repository.feed(command.env("GIT_INDEX_FILE", index).args(arguments), input.as_bytes())
    }

    /// Paths that come or change, and paths that go.
    fn touched(&self) -> Result<(Vec<String>, Vec<String>)> {
        let Touched { added, changed, removed } =
            Touched::between(self.repository, &self.journal.head, &self.journal.tree)?;
        Ok(([added, changed].concat(), removed))
    }

    fn write_files(&self, index: &Path) -> Result<()> {
        let (written, removed) = self.touched()?;
        for path in &removed {
            let file = self.repository.on_disk(path);
            match fs::remove_file(&file) {
                Err(error) if !is_gone(&error) => return Err(disk::failed(&file, &error)),
                _ => remove_empty_parents(&self.repository.root, &file),
            }
        }
        let list: String = written.iter().map(|path| format!("{path}\0")).collect();
        self.feed(index, &["checkout-index", "--force", "--index", "-z", "--stdin"], &list)?;
        Ok(())
    }

    fn write_stages(&self, index: &Path) -> Result<()> {
        let mut lines = String::new();
        let mut last = None;
        for side in &self.journal.stages {
            if last != Some(&side.path) {
                lines += &format!("0 {ZERO}\t{}\0", side.path);
                last = Some(&side.path);
            }
            lines += &format!("{} {} {}\t{}\0", side.mode, side.blob, side.number, side.path);
        }
        self.feed(index, &["update-index", "-z", "--index-info"], &lines)?;
        Ok(())
    }

    /// What `git status`, `git commit` and `git cherry-pick --abort` read.
    fn write_state(&self) -> Result<()> {
        if !self.journal.is_conflict {
            return Ok(());
        }
        let file = self.repository.git_dir.join("MERGE_MSG");
        fs::write(&file, &self.journal.message).map_err(|error| disk::failed(&file, &error))?;
        let mut command = self.repository.git();
        self.repository.read(command.args([
            "update-ref",
            "--no-deref",
            "CHERRY_PICK_HEAD",
            &self.journal.commit,
        ]))?;
        Ok(())
    }

    /// A file that is neither as it was nor as it becomes was written by somebody after the kill.
    fn keep_strangers(&self) -> Result<Vec<String>> {
        let (written, removed) = self.touched()?;
        let there = written.iter().chain(&removed).filter(|path| self.repository.on_disk(path).is_file());
        let there: Vec<&String> = there.collect();
        let list: String = there.iter().map(|path| format!("{path}\n")).collect();
        let mut command = self.repository.git();
        let hashes = self.repository.feed(command.args(["hash-object", "--stdin-paths"]), list.as_bytes())?;
        let (old, new) =
            (self.repository.all_items(&self.journal.head)?, self.repository.all_items(&self.journal.tree)?);
        let mut kept = Vec::new();
        for (path, hash) in there.into_iter().zip(hashes.lines()) {
            let is = |item: Option<&Item>| item.is_some_and(|item| item.blob == hash);
            if is(old.get(path)) || is(new.get(path)) {
                continue;
            }
            let (from, to) = (self.repository.on_disk(path), folder(self.repository).join("kept").join(path));
            let parent = to.parent().unwrap_or(&to);
            fs::create_dir_all(parent)
                .and_then(|()| fs::copy(&from, &to))
                .map_err(|error| disk::failed(&to, &error))?;
            kept.push(path.clone());
        }
        Ok(kept)
    }
}

/// What to say of files that `finish` gave.
pub fn kept_message(kept: &[String]) -> String {
    format!(
        "changed after the kill, and kept in .git/formwork/kept: {}",
        listed(kept.iter().map(String::as_str))
    )
}

/// Some files may be written, and git is locked until the rest is.
fn half_made(error: Error) -> Error {
    error.help("the change is half made: put this right, and `formwork update` finishes it")
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn remove_empty_parents(root: &Path, file: &Path) {
    let parents = file.ancestors().skip(1).take_while(|folder| *folder != root);
    for folder in parents {
        // It fails where something else is in the folder, and that is the end of it.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
}
