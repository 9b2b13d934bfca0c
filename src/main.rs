//! Parse, dispatch, print the error, exit.

use std::{
    io::{self, Write as _},
    panic,
    process::{self, ExitCode},
};

use clap::Parser;
use formwork::{check::linter, cli::Cli, commands, error::Status};

/// What a shell reports of a program that SIGPIPE ended: 128 and the signal's number.
const PIPE_CLOSED: i32 = 141;

fn main() -> ExitCode {
    end_where_output_cannot_be_written();
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

/// `println!` panics when the reader of a pipe has gone, as in `formwork options | head -1`: that is no fault. Where
/// the output cannot be written for another reason, such as a full disk, that is said as any other error.
fn end_where_output_cannot_be_written() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let message = info.payload_as_str().unwrap_or_default();
        match message.strip_prefix("failed printing to ") {
            Some(cause) if cause.contains("Broken pipe") => process::exit(PIPE_CLOSED),
            Some(cause) => {
                // Nobody can be told where it is standard error that does not take it.
                let _ = writeln!(io::stderr(), "error: cannot write to {cause}");
                process::exit(Status::Failed.code().into())
            }
            None => usual(info),
        }
    }));
}
