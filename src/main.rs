//! Parse, dispatch, print the error, exit.

use std::process::ExitCode;

use clap::Parser;
use formwork::{check::linter, cli::Cli, commands};

fn main() -> ExitCode {
    if let Some(code) = linter::stand_in_if_called() {
        return code;
    }
    match commands::run(Cli::parse()) {
        Ok(status) => status.into(),
        Err(error) => {
            error.print();
            error.status.into()
        }
    }
}
