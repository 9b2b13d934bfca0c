//! Commits a render under formwork's own name, in a repository of its own or in the one around it.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::error::{Error, Result};

const NAME: &str = "formwork";
const ADDRESS: &str = "formwork@formwork.invalid";

/// What became of the render in git.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// As the first commit of a new repository.
    New,
    /// As a commit of its path alone in the repository around it.
    Around(PathBuf),
    /// Not at all, for this reason.
    No(String),
}

/// The repository that a project at `project` would be a part of.
pub(super) fn repository_around(project: &Path) -> Option<PathBuf> {
    project.ancestors().skip(1).find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// Makes a repository in `folder` with everything in it as the first commit.
pub(super) fn commit_new(folder: &Path, message: &str) -> Result<()> {
    // The user's configuration may name hooks, templates, filters or a key for signing: none is ours to use.
    let git = |arguments: &[&str]| {
        let mut command = command(folder);
        command.env("GIT_CONFIG_GLOBAL", null_device()).env("GIT_CONFIG_NOSYSTEM", "1");
        // Nothing here is lost that could not be poured again, so waiting for the disk gains nothing.
        expect(command.args(["-c", "core.fsync=none"]).args(arguments))
    };
    git(&["init", "--quiet", "--template=", "--initial-branch=main"])?;
    git(&["add", "--all", "--force", "."])?;
    git(&["commit", "--quiet", "--no-verify", "--message", message])
}

/// Why a render at `project` must not be committed in `repository`, together with files that are `shared` with others; to be
/// asked before any of them is written.
pub(super) fn unfit(repository: &Path, project: &Path, shared: &[&Path]) -> Result<Option<String>> {
    let mut status = command(repository);
    status.args(["status", "--porcelain", "--untracked-files=all", "--"]).arg(project).args(shared);
    let output = run(&mut status)?;
    if !output.status.success() {
        return Ok(Some(first_line(&output)));
    }
    if !output.stdout.is_empty() {
        return Ok(Some(changed(&output)));
    }
    if let Some(hidden) = hidden(repository, shared)? {
        return Ok(Some(format!("git was told not to look at {hidden}")));
    }
    Ok(is_ignored(repository, project)?.then(|| "git ignores that path".to_owned()))
}

/// What git has changes of: the project's folder, or what is shared.
fn changed(status: &Output) -> String {
    let text = String::from_utf8_lossy(&status.stdout);
    let names = text.lines().filter_map(|line| line.get(3..)).collect::<Vec<_>>();
    match &names[..] {
        [one] => format!("git has uncommitted changes there: {one}"),
        [first, rest @ ..] => format!("git has uncommitted changes there: {first} and {} more", rest.len()),
        [] => "git has uncommitted changes there".to_owned(),
    }
}

/// The first file whose changes git does not show: it was told to take it for unchanged, or for not checked out.
fn hidden(repository: &Path, files: &[&Path]) -> Result<Option<String>> {
    if files.is_empty() {
        return Ok(None);
    }
    let output = run(command(repository).args(["ls-files", "-v", "--"]).args(files))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let is_hidden = |tag: char| tag == 'S' || tag.is_ascii_lowercase();
    let mut hidden = text.lines().filter(|line| line.starts_with(is_hidden));
    Ok(hidden.find_map(|line| line.get(2..)).map(str::to_owned))
}

fn is_ignored(repository: &Path, path: &Path) -> Result<bool> {
    // This command takes paths, not patterns, and refuses to be told so.
    let mut ignored = command(repository);
    ignored.env_remove("GIT_LITERAL_PATHSPECS").args(["check-ignore", "--quiet", "--"]).arg(path);
    Ok(run(&mut ignored)?.status.success())
}

/// Commits exactly `project` and what is `shared` with others; whatever else is staged stays staged.
pub(super) fn commit_around(
    repository: &Path,
    project: &Path,
    shared: &[&Path],
    message: &str,
) -> Result<Committed> {
    let mut paths = vec![project];
    for file in shared {
        // A lock that a workspace keeps out of git stays out of it.
        if !is_ignored(repository, file)? {
            paths.push(file);
        }
    }
    let added = run(command(repository).args(["add", "--force", "--"]).args(&paths))?;
    if !added.status.success() {
        return Ok(Committed::No(first_line(&added)));
    }
    let mut commit = command(repository);
    commit.args(["commit", "--quiet", "--no-verify", "--only", "--message", message, "--"]).args(&paths);
    let committed = run(&mut commit)?;
    if committed.status.success() {
        return Ok(Committed::Around(repository.to_owned()));
    }
    // A merge or a rebase is under way: leave the index as it was.
    run(command(repository).args(["reset", "--quiet", "--"]).args(&paths))?;
    Ok(Committed::No(first_line(&committed)))
}

/// git with our own identity, unsigned, without hooks and without what the caller's environment says of another
/// repository.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") && name != "GIT_EXEC_PATH" {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env("GIT_LITERAL_PATHSPECS", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null());
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), NAME).env(format!("GIT_{role}_EMAIL"), ADDRESS);
    }
    let hooks = format!("core.hooksPath={}", null_device());
    for setting in [&*hooks, "commit.gpgSign=false", "gc.auto=0", "maintenance.auto=false"] {
        command.args(["-c", setting]);
    }
    command
}

fn null_device() -> &'static str {
    if cfg!(windows) { "NUL" } else { "/dev/null" }
}

fn run(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| {
        Error::missing("git does not start").cause(error).help("install git, or leave it out with --no-git")
    })
}

fn expect(command: &mut Command) -> Result<()> {
    let output = run(command)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::failed("git cannot commit the project")
            .cause(String::from_utf8_lossy(&output.stderr).trim())
            .help("leave git out with --no-git; nothing was left behind")),
    }
}

fn first_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().next().unwrap_or("git does not say why").to_owned()
}
