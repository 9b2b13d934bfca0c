//! `formwork completions SHELL`: the completion script, on standard output.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{
    cli::Cli,
    error::{Result, Status},
};

pub(super) fn run(shell: Shell) -> Result<Status> {
    // Not straight to standard output: where its reader has gone, clap_complete panics in words of its own.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "formwork", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
    Ok(Status::Fine)
}
