//! The command line's types, nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::check::{Step, services::Way};

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
    /// Make, show and prove a team's presets
    Preset(Preset),
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
    /// Ask only what a preset leaves open
    #[arg(long, value_name = "NAME|FILE|git+URL#REF:PATH")]
    pub preset: Option<String>,
    /// Answer a question of the preset; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub var: Vec<String>,
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
    /// Where servers come from that the proof needs
    #[arg(long, value_enum, default_value_t, conflicts_with = "no_check")]
    pub services: Way,
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
    /// Where servers come from that the project needs
    #[arg(long, value_enum, default_value_t)]
    pub services: Way,
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
    /// Answer a question of the project's preset; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Show what would change, what would conflict and what is left to do, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not prove the project afterwards
    #[arg(long)]
    pub no_check: bool,
    /// Where servers come from that the proof needs
    #[arg(long, value_enum, default_value_t, conflicts_with = "no_check")]
    pub services: Way,
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
pub struct Preset {
    #[command(subcommand)]
    pub action: PresetAction,
}

#[derive(Debug, Subcommand)]
pub enum PresetAction {
    /// Write a first preset, from answers or from a project that is there
    New(PresetNew),
    /// List the presets that ship with formwork, and those of a folder
    List(PresetList),
    /// Print a preset with all that it extends, and where each value came from
    Show(PresetShow),
    /// Prove what a preset leaves open: every combination renders, and every pair of options is checked
    Check(PresetCheck),
    /// Resolve the crates of a preset's parts, and record what its overlay replaces, in a lock beside it
    Lock(PresetLock),
    /// Print the JSON schema of presets
    Schema,
}

#[derive(Args, Debug, Default)]
pub struct PresetCheck {
    /// A shipped preset's name, a file, or git+URL#REF:PATH
    #[arg(value_name = "NAME|FILE|git+URL#REF:PATH")]
    pub preset: String,
    /// Answer a question of the preset; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Render every combination, and build none
    #[arg(long, conflicts_with_all = ["steps", "services", "offline"])]
    pub render: bool,
    /// Run only these steps of the check
    #[arg(long, value_enum, value_delimiter = ',')]
    pub steps: Vec<Step>,
    /// Where servers come from that the projects need
    #[arg(long, value_enum, default_value_t)]
    pub services: Way,
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
pub struct PresetLock {
    /// The preset's file
    pub preset: PathBuf,
    /// Write nothing; fail if the lock is not what the preset needs
    #[arg(long)]
    pub check: bool,
    /// Take the newest versions of the parts' own crates
    #[arg(long)]
    pub update: bool,
}

#[derive(Args, Debug, Default)]
pub struct PresetNew {
    /// The file to write, such as presets/service.toml
    pub file: PathBuf,
    /// Take the answers of this project, and extend the preset that it was made with
    #[arg(long, value_name = "PROJECT")]
    pub from: Option<PathBuf>,
    /// Take this answer; may be repeated
    #[arg(long = "set", value_name = "SLOT=OPTION")]
    pub set: Vec<String>,
    /// Extend this preset
    #[arg(long, value_name = "NAME|FILE|git+URL#REF:PATH")]
    pub extends: Option<String>,
}

#[derive(Args, Debug, Default)]
pub struct PresetList {
    /// Also list the presets below this folder
    pub folder: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug, Default)]
pub struct PresetShow {
    /// A shipped preset's name, a file, or git+URL#REF:PATH
    #[arg(value_name = "NAME|FILE|git+URL#REF:PATH")]
    pub preset: String,
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
