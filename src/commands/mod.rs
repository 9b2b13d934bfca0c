//! One short file a subcommand; each reads as the story of that command.

pub mod cache;
pub mod check;

use crate::{
    cli::{Cli, Command},
    error::{Error, Result, Status},
};

pub fn run(cli: Cli) -> Result<Status> {
    match cli.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::New(_) | Command::Options(_) => Err(Error::failed("not built yet")),
        Command::Completions { .. } | Command::Man { .. } => Err(Error::failed("not built yet")),
    }
}
