//! Parse, dispatch, print the error, exit.

use std::process::ExitCode;

use clap::Parser;
use formwork::{cli::Cli, commands};

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(status) => status.into(),
        Err(error) => {
            error.print();
            error.status.into()
        }
    }
}
