//! One binary, several roles; see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::cli::main()
}
