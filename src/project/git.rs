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

/// Why a render at `project` must not be committed in `repository`; to be asked before it is written.
pub(super) fn unfit(repository: &Path, project: &Path, manifest: Option<&Path>) -> Result<Option<String>> {
    let mut status = command(repository);
    status.args(["status", "--porcelain", "--untracked-files=all", "--"]).arg(project).args(manifest);
    let output = run(&mut status)?;
    if !output.status.success() {
        return Ok(Some(first_line(&output)));
    }
    if !output.stdout.is_empty() {
        return Ok(Some("git has uncommitted changes there".to_owned()));
    }
    // This command takes paths, not patterns, and refuses to be told so.
    let mut ignored = command(repository);
    ignored.env_remove("GIT_LITERAL_PATHSPECS").args(["check-ignore", "--quiet", "--"]).arg(project);
    let ignored = run(&mut ignored)?;
    Ok(ignored.status.success().then(|| "git ignores that path".to_owned()))
}

/// Commits exactly `project` (and the workspace's manifest); whatever else is staged stays staged.
pub(super) fn commit_around(
    repository: &Path,
    project: &Path,
    manifest: Option<&Path>,
    message: &str,
) -> Result<Committed> {
    let paths = || std::iter::once(project).chain(manifest);
    let added = run(command(repository).args(["add", "--force", "--"]).args(paths()))?;
    if !added.status.success() {
        return Ok(Committed::No(first_line(&added)));
    }
    let mut commit = command(repository);
    commit.args(["commit", "--quiet", "--no-verify", "--only", "--message", message, "--"]).args(paths());
    let committed = run(&mut commit)?;
    if committed.status.success() {
        return Ok(Committed::Around(repository.to_owned()));
    }
    // A merge or a rebase is under way: leave the index as it was.
    run(command(repository).args(["reset", "--quiet", "--"]).args(paths()))?;
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
