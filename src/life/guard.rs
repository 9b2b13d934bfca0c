//! What git could not give back is never written over: each file that a change touches is on disk as HEAD has it, or the change
//! is not made.

use std::{collections::BTreeSet, path::Path};

use super::repository::{Repository, listed};
use crate::error::{Error, Result};

/// What a change does to paths of the repository.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) added: Vec<String>,
    pub(super) changed: Vec<String>,
    pub(super) removed: Vec<String>,
}

impl Touched {
    pub(super) fn between(repository: &Repository, head: &str, tree: &str) -> Result<Self> {
        let mut command = repository.git();
        command.args(["diff-tree", "-r", "-z", "--no-renames", "--name-status", head, tree]);
        let said = repository.read(&mut command)?;
        let mut fields = said.split('\0');
        let mut touched = Self::default();
        while let (Some(kind), Some(path)) = (fields.next(), fields.next()) {
            let paths = match kind {
                "A" => &mut touched.added,
                "D" => &mut touched.removed,
                _ => &mut touched.changed,
            };
            paths.push(path.to_owned());
        }
        Ok(touched)
    }
}

/// Refuses the change from `head`, which is checked out, to `tree`.
pub(super) fn expect_free_way(repository: &Repository, head: &str, tree: &str) -> Result<()> {
    let touched = Touched::between(repository, head, tree)?;
    expect_nothing_in_the_way(repository, &touched)?;
    expect_checked_out(repository, tree, &touched)?;
    expect_as_committed(repository, head, tree, &touched)
}

/// Files that git does not know, or ignores: it would replace some of them itself.
fn expect_nothing_in_the_way(repository: &Repository, touched: &Touched) -> Result<()> {
    let removed: BTreeSet<&str> = touched.removed.iter().map(String::as_str).collect();
    let goes = |path: &Path| {
        let inside = path.strip_prefix(&repository.root).unwrap_or(path);
        removed.contains(&*inside.to_string_lossy())
    };
    let is_blocked = |path: &&String| {
        let place = repository.on_disk(path);
        let below = walkdir::WalkDir::new(&place).into_iter().flatten();
        let mut files = below.filter(|entry| !entry.file_type().is_dir());
        // Where a folder has to come there may be something else, a link among them.
        let mut folders = place.ancestors().skip(1).take_while(|folder| *folder != repository.root);
        files.any(|entry| !goes(entry.path()))
            || folders
                .any(|folder| folder.symlink_metadata().is_ok_and(|there| !there.is_dir()) && !goes(folder))
    };
    let blocked: Vec<&str> = touched.added.iter().filter(is_blocked).map(String::as_str).collect();
    if blocked.is_empty() {
        return Ok(());
    }
    Err(Error::usage("files that git does not know are in the way of ones that come")
        .at(&repository.root, None)
        .cause(listed(blocked.into_iter()))
        .help("commit them, to have both merged; or move them away"))
}

/// git's own look before it would write, whatever it was told not to look at.
fn expect_as_committed(repository: &Repository, head: &str, tree: &str, touched: &Touched) -> Result<()> {
    let index = repository.copy_of_index("committed")?;
    let git = || {
        let mut command = repository.git();
        command.env("GIT_INDEX_FILE", &index);
        command
    };
    // As if it had never seen them: a file of the same length, changed in the second in which it was written, may look the same.
    let items = repository.all_items(head)?;
    let there = touched.changed.iter().chain(&touched.removed);
    let lines: String = there.filter_map(|path| Some(items.get(path)?.index_line(path))).collect();
    repository.feed(git().args(["update-index", "-z", "--index-info"]), lines.as_bytes())?;
    // What differs is found again by the next step.
    repository.run(git().args(["update-index", "-q", "--refresh"]))?;
    let looked = repository.run(git().args(["read-tree", "-m", "-u", "-n", head, tree]))?;
    if looked.status.success() {
        return Ok(());
    }
    Err(Error::usage("files that the change touches are not as they are committed")
        .at(&repository.root, None)
        .cause(String::from_utf8_lossy(&looked.stderr).trim())
        .help("commit them, or put them aside: git stash")
        .help("what git was told to take for unchanged: git update-index --no-assume-unchanged FILE"))
}

/// git writes none of what a sparse checkout leaves out, and would stop half way.
fn expect_checked_out(repository: &Repository, tree: &str, touched: &Touched) -> Result<()> {
    let index = repository.copy_of_index("checked-out")?;
    let mut command = repository.git();
    repository.read(command.env("GIT_INDEX_FILE", &index).args(["read-tree", "-m", "-i", tree]))?;
    let mut command = repository.git();
    let said = repository.read(command.env("GIT_INDEX_FILE", &index).args(["ls-files", "-t", "-z"]))?;
    let skipped: BTreeSet<&str> = said.split('\0').filter_map(|line| line.strip_prefix("S ")).collect();
    let written = touched.added.iter().chain(&touched.changed).map(String::as_str);
    let left_out: Vec<&str> = written.filter(|path| skipped.contains(path)).collect();
    if left_out.is_empty() {
        return Ok(());
    }
    Err(Error::usage("files that the change touches are not checked out")
        .at(&repository.root, None)
        .cause(listed(left_out.into_iter()))
        .help("check them out: git sparse-checkout disable")
        .help("or, one by one: git update-index --no-skip-worktree FILE"))
}
