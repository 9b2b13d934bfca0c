//! The repository that a project is in, through the user's own git and its plumbing.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};

use semver::Version;

use super::scratch::Scratch;
use crate::{
    error::{Error, Result},
    interrupt::Interrupt,
    project::{disk, git, state},
    render::Tree,
};

/// The first git whose `merge-tree` takes a base.
const OLDEST_GIT: Version = Version::new(2, 40, 0);
/// More paths than this are counted, not listed.
const MOST_PATHS: usize = 10;

/// A file as a tree of git has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub mode: String,
    pub blob: String,
}

impl Item {
    /// As `git update-index -z --index-info` reads it.
    pub(super) fn index_line(&self, path: &str) -> String {
        format!("{} {}\t{path}\0", self.mode, self.blob)
    }
}

/// The project's files by their path in it.
pub type Items = BTreeMap<String, Item>;

#[derive(Debug)]
pub struct Repository {
    pub root: PathBuf,
    /// From the root to the project: empty, or with a `/` at its end.
    pub prefix: String,
    /// Of this working tree: another one for each of `git worktree`.
    pub git_dir: PathBuf,
    /// The commit that is checked out.
    pub head: String,
    /// Where files are made on the way; below the git folder, so that no tree ever shows it.
    pub scratch: Scratch,
    /// New objects go there and not into the repository.
    quarantine: Option<PathBuf>,
}

impl Repository {
    /// Finds the repository, and writes nothing into it but below `.git/formwork`.
    pub fn of(project: &Path) -> Result<Self> {
        expect_git(project)?;
        let said = run(git::command(project).args([
            "rev-parse",
            "--show-toplevel",
            "--absolute-git-dir",
            "--show-prefix",
        ]))?;
        if !said.status.success() {
            return Err(no_repository(project, &said));
        }
        let said = text(&said.stdout)?;
        let mut lines = said.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (root, git_dir, prefix) = (PathBuf::from(next()), PathBuf::from(next()), next());
        let head = run(git::command(project).args(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]))?;
        if !head.status.success() {
            return Err(Error::usage("this repository has no commit yet")
                .at(&root, None)
                .help("git add --all && git commit"));
        }
        let head = text(&head.stdout)?.trim().to_owned();
        let scratch = Scratch::new(&git_dir)?;
        let repository = Self { root, prefix, git_dir, head, scratch, quarantine: None };
        if !repository.items("HEAD")?.contains_key(state::PATH) {
            return Err(Error::usage("the project is not committed")
                .at(project, None)
                .help("git add . && git commit"));
        }
        Ok(repository)
    }

    /// From now on the repository stays as it is: what is made can be looked at, and is gone with `self`.
    pub fn quarantine(&mut self) -> Result<()> {
        let objects = self.scratch.path().join("objects");
        fs::create_dir_all(&objects).map_err(|error| disk::failed(&objects, &error))?;
        self.quarantine = Some(objects);
        Ok(())
    }

    /// Refuses what a merge on top of it would mix with.
    pub fn expect_clean(&self) -> Result<()> {
        self.expect_no_operation()?;
        let said = self.read(self.git().args([
            "status",
            "--porcelain",
            "-z",
            "--no-renames",
            "--untracked-files=no",
            "--ignore-submodules=dirty",
        ]))?;
        let is_ours = |path: &str| path.starts_with(&self.prefix);
        let entries = said.split('\0').filter_map(|entry| Some((entry.get(..2)?, entry.get(3..)?)));
        // What is changed and not staged elsewhere in the repository stays out of it.
        let dirty: Vec<_> =
            entries.filter(|(state, path)| !state.starts_with(' ') || is_ours(path)).collect();
        if dirty.is_empty() {
            return Ok(());
        }
        let error = Error::usage("there are changes that are not committed").at(&self.root, None);
        let error = error.cause(listed(dirty.iter().map(|(_, path)| *path)));
        Err(error
            .help("commit them: git commit --all")
            .help("or put them aside: git stash; and later: git stash pop"))
    }

    fn expect_no_operation(&self) -> Result<()> {
        for (file, what, command) in [
            ("MERGE_HEAD", "a merge", "merge"),
            ("CHERRY_PICK_HEAD", "an update or a cherry-pick", "cherry-pick"),
            ("REVERT_HEAD", "a revert", "revert"),
            ("rebase-merge", "a rebase", "rebase"),
            ("rebase-apply", "a rebase", "rebase"),
        ] {
            if self.git_dir.join(file).exists() {
                return Err(Error::usage(format!("{what} is under way in this repository"))
                    .at(&self.root, None)
                    .help(format!("finish it: resolve the conflicts, git add, git {command} --continue"))
                    .help(format!("or give it up: git {command} --abort")));
            }
        }
        Ok(())
    }

    /// git in the repository. In a group of its own: what ends us does not end it in the middle of a write.
    pub fn git(&self) -> Command {
        let mut command = git::command(&self.root);
        command.process_group(0).env("GIT_OPTIONAL_LOCKS", "0");
        if let Some(objects) = &self.quarantine {
            command
                .env("GIT_OBJECT_DIRECTORY", objects)
                .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.objects());
        }
        for setting in ["core.safecrlf=false", "merge.renames=true", "core.quotePath=false"] {
            command.args(["-c", setting]);
        }
        command
    }

    fn objects(&self) -> PathBuf {
        let said = run(git::command(&self.root).args([
            "rev-parse",
            "--path-format=absolute",
            "--git-path",
            "objects",
        ]));
        let path = said.ok().and_then(|said| text(&said.stdout).ok());
        path.map_or_else(|| self.git_dir.join("objects"), |path| PathBuf::from(path.trim_end()))
    }

    /// git over another index and, where it is given, other files.
    fn git_beside(&self, index: &Path, work_tree: Option<&Path>) -> Command {
        let mut command = self.git();
        command.env("GIT_INDEX_FILE", index).env("GIT_DIR", &self.git_dir);
        command.env("GIT_WORK_TREE", work_tree.unwrap_or(&self.root));
        if let Some(folder) = work_tree {
            command.current_dir(folder);
        }
        // The trees are whole, whatever part of them is checked out.
        command.args(["-c", "core.sparseCheckout=false", "-c", "core.splitIndex=false"]);
        command
    }

    /// Runs to the end and gives what is said; an error if git says no.
    pub fn read(&self, command: &mut Command) -> Result<String> {
        let output = run(command)?;
        expect(command, output)
    }

    /// The same, with `input` to read.
    pub fn feed(&self, command: &mut Command, input: &[u8]) -> Result<String> {
        let output = feed(command, input)?;
        expect(command, output)
    }

    pub fn run(&self, command: &mut Command) -> Result<Output> {
        run(command)
    }

    /// The project's files in a commit or tree.
    pub fn items(&self, tree: &str) -> Result<Items> {
        let listing = self.read(self.git().args(["ls-tree", "-r", "-z", "--full-tree", tree, "--"]).arg(
            match self.prefix.as_str() {
                "" => ".",
                prefix => prefix,
            },
        ))?;
        Ok(self.parse_items(&listing))
    }

    /// All files of a tree, by their path in the repository.
    pub fn all_items(&self, tree: &str) -> Result<Items> {
        let listing = self.read(self.git().args(["ls-tree", "-r", "-z", "--full-tree", tree]))?;
        Ok(parse_listing(&listing).map(|(path, item)| (path.to_owned(), item)).collect())
    }

    fn parse_items(&self, listing: &str) -> Items {
        let ours = parse_listing(listing)
            .filter_map(|(path, item)| Some((path.strip_prefix(&self.prefix)?.to_owned(), item)));
        ours.collect()
    }

    /// Makes blobs of a render, as `git add` at its place would: filters and attributes included.
    pub fn add(&self, name: &str, tree: &Tree) -> Result<Items> {
        let folder = self.scratch.path().join(name);
        let project = folder.join(&self.prefix);
        fs::create_dir_all(&project).map_err(|error| disk::failed(&project, &error))?;
        disk::write(tree, &project, &Interrupt::of_process())?;
        let index = self.scratch.path().join(format!("{name}.index"));
        self.read(self.git_beside(&index, None).args(["read-tree", "HEAD"]))?;
        let here = if self.prefix.is_empty() { "." } else { &self.prefix };
        // The owner's ignore rules say nothing of a render.
        self.read(
            self.git_beside(&index, Some(&folder)).args(["add", "--all", "--force", "--sparse", "--", here]),
        )?;
        let listing = self.read(self.git_beside(&index, None).arg("write-tree"))?;
        self.items(listing.trim())
    }

    /// A copy of what git knows of the files, in the scratch.
    pub(super) fn copy_of_index(&self, name: &str) -> Result<PathBuf> {
        let copy = self.scratch.path().join(format!("{name}.index"));
        self.copy_index(&copy)?;
        Ok(copy)
    }

    /// With its time: a file is looked into that changed when the index was written or later, and a copy that looks younger
    /// would take it for unchanged.
    pub(super) fn copy_index(&self, copy: &Path) -> Result<()> {
        let real = self.git_dir.join("index");
        let copied = fs::copy(&real, copy).and_then(|_| {
            let time = fs::metadata(&real)?.modified()?;
            fs::File::options().write(true).open(copy)?.set_modified(time)
        });
        copied.map_err(|error| disk::failed(copy, &error))
    }

    /// The project's files as they are on disk, also those that are not committed, without what git ignores.
    pub fn working_items(&self) -> Result<Items> {
        let index = self.copy_of_index("work")?;
        let here = if self.prefix.is_empty() { "." } else { &self.prefix };
        self.read(self.git_beside(&index, None).args(["add", "--all", "--", here]))?;
        let tree = self.read(self.git_beside(&index, None).arg("write-tree"))?;
        self.items(tree.trim())
    }

    /// HEAD's whole tree, with exactly `items` as the project. Nothing outside of it differs, so nothing outside can
    /// be taken for a renamed file of it.
    pub fn graft(&self, items: &Items) -> Result<String> {
        let mut lines = String::new();
        for path in self.items("HEAD")?.keys().filter(|path| !items.contains_key(*path)) {
            lines += &format!("0 {ZERO}\t{}{path}\0", self.prefix);
        }
        for (path, item) in items {
            lines += &item.index_line(&format!("{}{path}", self.prefix));
        }
        self.tree_with("HEAD", &lines)
    }

    /// `tree` with other content at some paths of the repository.
    pub fn replace(&self, tree: &str, changes: &Items) -> Result<String> {
        let lines: String = changes.iter().map(|(path, item)| item.index_line(path)).collect();
        self.tree_with(tree, &lines)
    }

    /// `tree` with what the lines say, which are as [`Item::index_line`] makes them, or remove a path.
    fn tree_with(&self, tree: &str, lines: &str) -> Result<String> {
        let index = self.scratch.path().join("tree.index");
        self.read(self.git_beside(&index, None).args(["read-tree", tree]))?;
        self.feed(
            self.git_beside(&index, None).args(["update-index", "-z", "--index-info"]),
            lines.as_bytes(),
        )?;
        Ok(self.read(self.git_beside(&index, None).arg("write-tree"))?.trim().to_owned())
    }

    /// A commit that no branch has yet.
    pub fn commit(&self, tree: &str, parent: &str, message: &str) -> Result<String> {
        let mut command = self.git();
        command.args(["commit-tree", "--no-gpg-sign", tree, "-p", parent, "-F", "-"]);
        Ok(self.feed(&mut command, message.as_bytes())?.trim().to_owned())
    }

    pub fn write_blob(&self, bytes: &[u8]) -> Result<String> {
        let mut command = self.git();
        Ok(self.feed(command.args(["hash-object", "-w", "--stdin"]), bytes)?.trim().to_owned())
    }

    pub fn read_blob(&self, blob: &str) -> Result<Vec<u8>> {
        let mut command = self.git();
        let output = run(command.args(["cat-file", "blob", blob]))?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(refused(&command, &output)),
        }
    }

    pub fn read_text(&self, blob: &str) -> Result<Option<String>> {
        Ok(String::from_utf8(self.read_blob(blob)?).ok())
    }

    /// Where a path of the project is on disk.
    pub fn on_disk(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

pub const ZERO: &str = "0000000000000000000000000000000000000000";

fn parse_listing(listing: &str) -> impl Iterator<Item = (&str, Item)> {
    listing.split('\0').filter_map(|line| {
        let (about, path) = line.split_once('\t')?;
        let mut words = about.split(' ');
        let (mode, _, blob) = (words.next()?, words.next()?, words.next()?);
        Some((path, Item { mode: mode.to_owned(), blob: blob.to_owned() }))
    })
}

fn expect_git(folder: &Path) -> Result<()> {
    let said = text(&run(git::command(folder).arg("--version"))?.stdout)?;
    let number = said.split_whitespace().nth(2).unwrap_or_default();
    let mut numbers = number.split('.').map(|part| part.parse::<u64>().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    let version = Version::new(next(), next(), next());
    if version >= OLDEST_GIT {
        return Ok(());
    }
    Err(Error::missing(format!("git {number} is too old: its merge-tree takes no base"))
        .help(format!("install git {}.{} or newer", OLDEST_GIT.major, OLDEST_GIT.minor)))
}

fn no_repository(project: &Path, said: &Output) -> Error {
    let said = String::from_utf8_lossy(&said.stderr).lines().next().unwrap_or_default().to_owned();
    if !said.contains("not a git repository") {
        return Error::usage("git does not open this repository").at(project, None).cause(said);
    }
    Error::usage("the project is in no git repository: there is nothing to merge with")
        .at(project, None)
        .help("git init && git add --all && git commit --message \"As it is\"")
}

fn run(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| Error::missing("git does not start").cause(error).help("install git"))
}

fn feed(command: &mut Command, input: &[u8]) -> Result<Output> {
    let failed = |error| Error::missing("git does not start").cause(error).help("install git");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let stdin = child.stdin.take();
    thread::scope(|scope| {
        // git that ends early has its own words for why.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        child.wait_with_output().map_err(failed)
    })
}

fn expect(command: &Command, output: Output) -> Result<String> {
    match output.status.success() {
        true => text(&output.stdout),
        false => Err(refused(command, &output)),
    }
}

fn refused(command: &Command, output: &Output) -> Error {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    // Our own settings come first, each behind a `-c`.
    let mut words = words.iter().map(String::as_str);
    let verb = loop {
        match words.next() {
            Some("-c") => drop(words.next()),
            word => break word.unwrap_or_default(),
        }
    };
    Error::failed(format!("git {verb} says no")).cause(String::from_utf8_lossy(&output.stderr).trim())
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec())
        .map_err(|error| Error::failed("git says something that is not UTF-8").cause(error))
}

/// A few paths by name, the rest by number.
pub fn listed<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let paths: Vec<_> = paths.collect();
    let shown = paths.iter().take(MOST_PATHS).copied().collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(MOST_PATHS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
