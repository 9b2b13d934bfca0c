//! `cargo xtask test`: everything that CI runs, in the order in which it fails fastest. `cargo xtask full`: the
//! same, with all long tests long, and all that have turns.

use std::{path::Path, time::Instant};

use duct::cmd;
use formwork::error::{Error, Result};

use crate::{
    lock,
    long::{self, Long},
    matrix::{
        self, Share,
        stacks::{self, Stacks},
    },
    sync,
    variants::{self, Variants},
};

const FORMAT: [&str; 3] = ["fmt", "--all", "--check"];
const LINT: [&str; 7] = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
const TESTS: [&str; 4] = ["test", "--workspace", "--locked", "--no-fail-fast"];

/// How much is run of what takes long.
pub(crate) struct Extent {
    long: Vec<Long>,
    variants: Variants,
    matrix: Share,
    stacks: Stacks,
}

impl Extent {
    pub(crate) fn full() -> Self {
        Self { long: long::ALL.to_vec(), variants: Variants::All, matrix: Share::ALL, stacks: Stacks::All }
    }

    /// What CI runs this time. The commit's hash says whose turn it is: it is known in a shallow clone, the run can be
    /// repeated, and however many commits land at once, in the long run all turns are equally frequent.
    pub(crate) fn of_commit(home: &Path) -> Self {
        let hash = cmd!("git", "rev-parse", "HEAD").dir(home).stderr_null().read();
        let number = hash.ok().map(|hash| number(&hash)).unwrap_or_default();
        Self {
            long: vec![long::ALL[number % long::ALL.len()]],
            variants: Variants::of_commit(number / long::ALL.len()),
            matrix: Share::of_commit(number),
            stacks: Stacks::Turn(number),
        }
    }
}

/// The first digits of a hash.
fn number(hash: &str) -> usize {
    hash.get(..8).and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

/// Runs all steps; a red one does not keep the others from being told of.
pub(crate) fn run(home: &Path, extent: &Extent) -> Result<()> {
    for Long { variable, size, .. } in &extent.long {
        println!("long this time: {variable}={size}");
    }
    println!("variants on further options this time: {}", extent.variants);
    println!("projects of the matrix this time: {}", extent.matrix);
    let cargo = |arguments: &[&str]| cargo(home, arguments, &extent.long);
    let steps: [(&str, &dyn Fn() -> Result<()>); 8] = [
        ("lock file", &|| lock::compare(home)),
        ("derived files", &|| sync::compare(home)),
        ("format", &|| cargo(&FORMAT)),
        ("lint", &|| cargo(&LINT)),
        ("tests", &|| cargo(&TESTS)),
        ("matrix", &|| matrix::turn(home, extent.matrix)),
        ("stacks", &|| stacks::turn(home, extent.stacks)),
        ("variants", &|| variants::run(home, extent.variants)),
    ];
    let begun = Instant::now();
    let mut failed = Vec::new();
    let mut times = Vec::new();
    for (name, run) in steps {
        let step = Instant::now();
        println!("\n== {name}");
        if let Err(error) = run() {
            error.print();
            failed.push(name);
        }
        times.push(format!("{name} {:.0} s", step.elapsed().as_secs_f64()));
    }
    println!("\n{} in {:.0} s", times.join(", "), begun.elapsed().as_secs_f64());
    if failed.is_empty() { Ok(()) } else { Err(Error::failed(format!("failed: {}", failed.join(", ")))) }
}

fn cargo(home: &Path, arguments: &[&str], long: &[Long]) -> Result<()> {
    let cargo = cmd("cargo", arguments).dir(home).unchecked();
    let done = long.iter().fold(cargo, |cargo, long| cargo.env(long.variable, long.size)).run();
    let done = done.map_err(|error| Error::missing("cargo cannot be started").cause(error))?;
    let what = arguments.first().copied().unwrap_or_default();
    if done.status.success() { Ok(()) } else { Err(Error::failed(format!("cargo {what} says no"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_a_number_and_what_is_none_is_the_first() {
        assert_eq!(number("0000001f3c5d7e9a0b2c4d6e8f0a1b2c3d4e5f60\n"), 31);
        assert_eq!(number("ffffffff3c5d7e9a0b2c4d6e8f0a1b2c3d4e5f60"), 0xffff_ffff);
        assert_eq!((number(""), number("not a repository")), (0, 0));
    }
}
