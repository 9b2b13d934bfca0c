//! One short file a subcommand; each reads as the story of that command.

mod cache;
mod check;
mod completions;
mod diff;
mod drift;
mod life;
mod man;
mod new;
mod options;
mod preset;

use crate::{
    cli::{Cli, Command},
    error::{Result, Status},
};

pub fn run(cli: Cli) -> Result<Status> {
    match cli.command {
        Command::New(arguments) => new::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Set(arguments) => life::set(&arguments),
        Command::Update(arguments) => life::update(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Drift(arguments) => drift::run(&arguments),
        Command::Options(arguments) => options::run(&arguments),
        Command::Preset(arguments) => preset::run(&arguments),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { dir } => man::run(dir.as_deref()),
    }
}
