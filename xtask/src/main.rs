//! Tasks of the house: `cargo xtask test`, `cargo xtask full`, `cargo xtask matrix`, `cargo xtask lock`,
//! `cargo xtask sync`, `cargo xtask fuzz`.

mod dependencies;
mod fuzz;
mod lock;
mod long;
mod matrix;
mod sync;
mod test;
mod variants;

use std::{env, path::Path, process::ExitCode};

use formwork::error::{Error, Result};

use self::{matrix::Share, test::Extent};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            error.status.into()
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    match arguments {
        ["test"] => test::run(home, &Extent::of_commit(home)),
        ["full"] => test::run(home, &Extent::full()),
        ["matrix"] => matrix::prove(home, Share::ALL, false),
        ["matrix", "--again"] => matrix::prove(home, Share::ALL, true),
        ["matrix", "--shard", share] => matrix::prove(home, Share::parse(share)?, false),
        ["matrix", "--shard", share, "--again"] => matrix::prove(home, Share::parse(share)?, true),
        ["matrix", "--stacks"] => matrix::stacks::prove(home, false),
        ["matrix", "--stacks", "--again"] => matrix::stacks::prove(home, true),
        ["matrix", "--table"] => matrix::write_table(home),
        ["lock"] => lock::write(home),
        ["lock", "--check"] => lock::compare(home),
        ["fuzz", seconds] => fuzz::run(home, seconds, None),
        ["fuzz", seconds, seed] => fuzz::run(home, seconds, Some(seed)),
        ["sync"] => sync::write(home),
        ["sync", "--check"] => sync::compare(home),
        _ => Err(Error::usage("this task is not known")
            .help("cargo xtask test           run everything that CI runs")
            .help("cargo xtask full           the same, with every test that can be long at its full length or has turns")
            .help("cargo xtask matrix         prove the projects in which every pair of options stands, and write that down")
            .help("                           --shard K/N: only every N-th; --again: also those already proven;")
            .help("                           --stacks: the shipped presets instead, with their long tests;")
            .help("                           --table: only write docs/evidence.md anew")
            .help("cargo xtask lock           make templates/lock.toml from dependencies/Cargo.toml and the parts")
            .help("cargo xtask lock --check   fail if it is not what the first would make")
            .help("cargo xtask fuzz SECONDS   read presets that are almost right, until the time is up")
            .help("cargo xtask sync           derive what projects of concurrency=threads have in place of async sources")
            .help("cargo xtask sync --check   fail if something is not what the first would make")),
    }
}
