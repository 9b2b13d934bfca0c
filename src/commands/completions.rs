//! `formwork completions SHELL`: the completion script, on standard output.

use std::io;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{
    cli::Cli,
    error::{Result, Status},
};

pub(super) fn run(shell: Shell) -> Result<Status> {
    clap_complete::generate(shell, &mut Cli::command(), "formwork", &mut io::stdout());
    Ok(Status::Fine)
}
