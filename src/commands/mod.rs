//! One short file a subcommand; each reads as the story of that command.

use crate::{
    cli::{Cli, Command},
    error::{Error, Result, Status},
};

pub fn run(cli: Cli) -> Result<Status> {
    match cli.command {
        Command::New(_) | Command::Check(_) | Command::Options(_) | Command::Cache(_) => {
            Err(Error::failed("not built yet"))
        }
        Command::Completions { .. } | Command::Man { .. } => Err(Error::failed("not built yet")),
    }
}
