//! Parse, dispatch, print the error, exit.

use std::{
    panic,
    process::{self, ExitCode},
};

use clap::Parser;
use formwork::{check::linter, cli::Cli, commands};

/// What a shell reports of a program that SIGPIPE ended: 128 and the signal's number.
const PIPE_CLOSED: i32 = 141;

fn main() -> ExitCode {
    end_quietly_where_nobody_reads();
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

/// `println!` panics when the reader of a pipe has gone, as in `formwork options | head -1`: that is no fault.
fn end_quietly_where_nobody_reads() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let message = info.payload_as_str().unwrap_or_default();
        if message.starts_with("failed printing to std") && message.contains("Broken pipe") {
            process::exit(PIPE_CLOSED);
        }
        usual(info);
    }));
}
