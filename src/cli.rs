//! The command line's types, nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::check::Step;

/// Pours a complete Rust backend service from a few answers, and proves that it keeps its promises.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 fine, 1 the project fails, 2 wrong use, 3 something is missing on this machine, 130 interrupted.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new service and prove it
    New(New),
    /// Prove that a project compiles, passes its tests and keeps its promises while running
    Check(Check),
    /// Give a project other answers: what that changes is merged into it
    Set(Set),
    /// Take the templates of this formwork: what changed in them is merged into the project
    Update(Update),
    /// Show what the owners of a project changed since it was rendered
    Diff(Diff),
    /// Tell whether a project is still what it was made to be, and how far it is behind
    Drift(Drift),
    /// Show the slots and options of the catalog, or what one option changes
    Options(Options),
    /// Show or clear the compiled crates that checks copy from
    Cache(Cache),
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page, or write one a subcommand into a folder
    Man {
        /// Write all pages into this folder
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Args, Debug, Default)]
pub struct New {
    /// Folder to make; its last part is the project's name unless --name says otherwise
    pub path: Option<PathBuf>,
    /// Name of the package and of the binary
    #[arg(long)]
    pub name: Option<String>,
    /// Take this answer; may be repeated
    #[arg(long = "set", value_name = "SLOT=OPTION")]
    pub set: Vec<String>,
    /// Start from a shipped preset or from a file of answers
    #[arg(long, value_name = "NAME|FILE")]
    pub preset: Option<String>,
    /// Ask nothing: take the recommended option wherever none is given
    #[arg(long, short)]
    pub yes: bool,
    /// Show the files that would be made, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Do not prove the project after making it
    #[arg(long)]
    pub no_check: bool,
    /// Make no git repository and no commit
    #[arg(long)]
    pub no_git: bool,
    /// Build with what is on this machine: cargo is told not to use the network
    #[arg(long)]
    pub offline: bool,
    /// Inside another Cargo workspace: become a member of it
    #[arg(long, conflicts_with = "standalone")]
    pub member: bool,
    /// Inside another Cargo workspace: stay apart from it
    #[arg(long)]
    pub standalone: bool,
}

#[derive(Args, Debug, Default)]
pub struct Check {
    /// The project's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Run only these steps
    #[arg(long, value_enum, value_delimiter = ',')]
    pub steps: Vec<Step>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Also write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Tell cargo not to use the network
    #[arg(long)]
    pub offline: bool,
}

#[derive(Args, Debug, Default)]
#[command(after_help = MERGED)]
pub struct Set {
    /// The new answers; what does not go with them moves to the nearest that does
    #[arg(required = true, value_name = "SLOT=OPTION")]
    pub answers: Vec<String>,
    /// The project's folder
    #[arg(long, short = 'C', value_name = "PATH", default_value = ".")]
    pub project: PathBuf,
    #[command(flatten)]
    pub how: How,
}

#[derive(Args, Debug, Default)]
#[command(after_help = MERGED)]
pub struct Update {
    /// The project's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    #[command(flatten)]
    pub how: How,
}

const MERGED: &str = "\
The change is one commit. Conflicts are left to resolve as those of a cherry-pick: git status shows them,
git cherry-pick --abort undoes it all.";

#[derive(Args, Debug, Default)]
pub struct How {
    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
    /// Show what would change, what would conflict and what is left to do, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not prove the project afterwards
    #[arg(long)]
    pub no_check: bool,
    /// Go back to the commit before if there are conflicts or the check fails
    #[arg(long)]
    pub rollback_on_red: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Tell cargo not to use the network
    #[arg(long)]
    pub offline: bool,
}

#[derive(Args, Debug, Default)]
pub struct Diff {
    /// The project's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Count lines a file instead of showing them
    #[arg(long, conflicts_with = "json")]
    pub stat: bool,
    /// Print one JSON object with the files instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug, Default)]
pub struct Drift {
    /// The project's folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug, Default)]
pub struct Options {
    /// A slot, or one option of it (SLOT=OPTION)
    pub what: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct Cache {
    #[command(subcommand)]
    pub action: Option<CacheAction>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum CacheAction {
    /// Where the cache is and what it holds (the default)
    Show,
    /// Remove everything in it
    Clear,
}
