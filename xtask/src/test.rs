//! `cargo xtask test`: everything that CI runs, in the order in which it fails fastest.

use std::{path::Path, time::Instant};

use duct::cmd;
use formwork::error::{Error, Result};

use crate::lock;

/// A step's name and the cargo command that it is.
const CARGO_STEPS: [(&str, &[&str]); 3] = [
    ("format", &["fmt", "--all", "--check"]),
    ("lint", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    ("tests", &["test", "--workspace", "--locked", "--no-fail-fast"]),
];

/// Runs all steps; a red one does not keep the others from being told of.
pub(crate) fn run(home: &Path) -> Result<()> {
    let begun = Instant::now();
    let mut failed = Vec::new();
    let mut times = Vec::new();
    for name in ["lock file"].into_iter().chain(CARGO_STEPS.map(|(name, _)| name)) {
        let step = Instant::now();
        if let Err(error) = run_step(home, name) {
            error.print();
            failed.push(name);
        }
        times.push(format!("{name} {:.0} s", step.elapsed().as_secs_f64()));
    }
    println!("\n{} in {:.0} s", times.join(", "), begun.elapsed().as_secs_f64());
    if failed.is_empty() { Ok(()) } else { Err(Error::failed(format!("failed: {}", failed.join(", ")))) }
}

fn run_step(home: &Path, name: &str) -> Result<()> {
    println!("\n== {name}");
    let Some((_, arguments)) = CARGO_STEPS.iter().find(|(step, _)| *step == name) else {
        return lock::compare(home);
    };
    let done = cmd("cargo", *arguments).dir(home).unchecked().run();
    let done = done.map_err(|error| Error::missing("cargo cannot be started").cause(error))?;
    if done.status.success() { Ok(()) } else { Err(Error::failed(format!("{name}: cargo says no"))) }
}
