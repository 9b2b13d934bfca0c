//! `cargo xtask test`: everything that CI runs, in the order in which it fails fastest. `cargo xtask full`: the
//! same, with all long tests long.

use std::{path::Path, time::Instant};

use duct::cmd;
use formwork::error::{Error, Result};

use crate::{lock, sync};

/// A step's name and the cargo command that it is.
const CARGO_STEPS: [(&str, &[&str]); 3] = [
    ("format", &["fmt", "--all", "--check"]),
    ("lint", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    ("tests", &["test", "--workspace", "--locked", "--no-fail-fast"]),
];

/// A test that proves the more the longer it runs.
#[derive(Clone, Copy)]
pub(crate) struct Long {
    /// What it reads its size from; without it, it is short.
    variable: &'static str,
    size: &'static str,
}

pub(crate) const LONG: [Long; 4] = [
    Long { variable: "TEST_JOBS", size: "10000" },
    Long { variable: "TEST_JOBS_ISOLATION", size: "process" },
    Long { variable: "TEST_CRASHES", size: "60" },
    Long { variable: "FORMWORK_TEST_MOMENTS", size: "500" },
];

/// The one that is long in CI this time: each commit has its turn, and a run can be repeated.
pub(crate) fn todays(home: &Path) -> Long {
    let commits = cmd!("git", "rev-list", "--count", "HEAD").dir(home).stderr_null().read();
    let commits: usize = commits.ok().and_then(|count| count.trim().parse().ok()).unwrap_or_default();
    LONG[commits % LONG.len()]
}

/// Runs all steps; a red one does not keep the others from being told of.
pub(crate) fn run(home: &Path, long: &[Long]) -> Result<()> {
    for Long { variable, size } in long {
        println!("long this time: {variable}={size}");
    }
    let begun = Instant::now();
    let mut failed = Vec::new();
    let mut times = Vec::new();
    for name in ["lock file", "derived files"].into_iter().chain(CARGO_STEPS.map(|(name, _)| name)) {
        let step = Instant::now();
        if let Err(error) = run_step(home, name, long) {
            error.print();
            failed.push(name);
        }
        times.push(format!("{name} {:.0} s", step.elapsed().as_secs_f64()));
    }
    println!("\n{} in {:.0} s", times.join(", "), begun.elapsed().as_secs_f64());
    if failed.is_empty() { Ok(()) } else { Err(Error::failed(format!("failed: {}", failed.join(", ")))) }
}

fn run_step(home: &Path, name: &str, long: &[Long]) -> Result<()> {
    println!("\n== {name}");
    let Some((_, arguments)) = CARGO_STEPS.iter().find(|(step, _)| *step == name) else {
        return if name == "lock file" { lock::compare(home) } else { sync::compare(home) };
    };
    let cargo = cmd("cargo", *arguments).dir(home).unchecked();
    let done = long.iter().fold(cargo, |cargo, long| cargo.env(long.variable, long.size)).run();
    let done = done.map_err(|error| Error::missing("cargo cannot be started").cause(error))?;
    if done.status.success() { Ok(()) } else { Err(Error::failed(format!("{name}: cargo says no"))) }
}
