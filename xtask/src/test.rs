//! `cargo xtask test`: everything that CI runs, in the order in which it fails fastest. `cargo xtask full`: the
//! same, with all long tests long, and all that have turns.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use duct::cmd;
use formwork::error::{Error, Result};

use crate::{
    lock,
    long::{self, Long},
    matrix::{
        self, Whole,
        stacks::{self, Stacks},
    },
    sync,
    variants::{self, Variants},
};

const FORMAT: [&str; 3] = ["fmt", "--all", "--check"];
const LINT: [&str; 7] = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
const TESTS: [&str; 4] = ["test", "--workspace", "--locked", "--no-fail-fast"];

/// After so long nothing more begins that has turns: machines differ by half, and CI's budget is 75 minutes.
const LATE: Duration = Duration::from_secs(60 * 60);

/// How much is run of what takes long.
pub(crate) struct Extent {
    long: Vec<Long>,
    variants: Variants,
    matrix: Whole,
    stacks: Stacks,
    /// Of what has turns, this one begins; it runs however late it is.
    first: usize,
    late: Option<Duration>,
}

impl Extent {
    pub(crate) fn full() -> Self {
        Self {
            long: long::ALL.to_vec(),
            variants: Variants::All,
            matrix: Whole::All,
            stacks: Stacks::All,
            first: 0,
            late: None,
        }
    }

    /// What CI runs this time. The commit's hash says whose turn it is: it is known in a shallow clone, the run can be
    /// repeated, and however many commits land at once, in the long run all turns are equally frequent.
    pub(crate) fn of_commit(home: &Path) -> Self {
        let hash = cmd!("git", "rev-parse", "HEAD").dir(home).stderr_null().read();
        let number = hash.ok().map(|hash| number(&hash)).unwrap_or_default();
        Self {
            long: vec![long::ALL[number % long::ALL.len()]],
            variants: Variants::of_commit(number / long::ALL.len()),
            matrix: Whole::Turn(number),
            stacks: Stacks::Turn(number),
            // The rest says whose turn it is.
            first: number / 30,
            late: Some(LATE),
        }
    }
}

/// The first digits of a hash.
fn number(hash: &str) -> usize {
    hash.get(..8).and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

/// A part of the work that is told of by itself.
pub(crate) struct Step<'a> {
    name: String,
    run: Box<dyn Fn() -> Result<()> + 'a>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(name: impl Into<String>, run: impl Fn() -> Result<()> + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// Runs all steps; a red one does not keep the others from being told of.
pub(crate) fn run(home: &Path, extent: &Extent) -> Result<()> {
    for Long { variable, size, .. } in &extent.long {
        println!("long this time: {variable}={size}");
    }
    println!("variants on further options this time: {}", extent.variants);
    let cargo = |arguments: &'static [&str]| move || cargo(home, arguments, &extent.long);
    let always = vec![
        Step::new("lock file", || lock::compare(home)),
        Step::new("derived files", || sync::compare(home)),
        Step::new("format", cargo(&FORMAT)),
        Step::new("lint", cargo(&LINT)),
        Step::new("tests", cargo(&TESTS)),
        Step::new("matrix", || matrix::lint(home)),
    ];
    let begun = Instant::now();
    let is_late = || extent.late.is_some_and(|late| begun.elapsed() > late);
    let told = Told::of(&always, || in_turn(home, extent), &is_late);
    println!("\n{} in {:.0} s", told.times.join(", "), begun.elapsed().as_secs_f64());
    told.result()
}

/// What has turns, in the order in which it is run this time.
fn in_turn<'a>(home: &'a Path, extent: &'a Extent) -> Result<Vec<Step<'a>>> {
    let mut steps = matrix::steps(home, extent.matrix)?;
    steps.extend(stacks::steps(home, extent.stacks)?);
    steps.push(Step::new("variants", || variants::run(home, extent.variants)));
    let first = extent.first % steps.len();
    steps.rotate_left(first);
    Ok(steps)
}

/// What there is to say of steps.
#[derive(Debug, Default)]
struct Told {
    times: Vec<String>,
    left: Vec<String>,
    failed: Vec<String>,
}

impl Told {
    /// Runs what always runs, and of the rest the first and what begins before it is late.
    fn of<'a>(
        always: &[Step<'_>],
        in_turn: impl FnOnce() -> Result<Vec<Step<'a>>>,
        is_late: &dyn Fn() -> bool,
    ) -> Self {
        let mut told = Self::default();
        for step in always {
            told.run(step);
        }
        // What is wrong with the templates was said by a step before, which knows it better.
        let in_turn = in_turn().unwrap_or_else(|error| {
            error.print();
            told.failed.push("what has turns".to_owned());
            Vec::new()
        });
        for (at, step) in in_turn.iter().enumerate() {
            match at > 0 && is_late() {
                true => told.left.push(step.name.clone()),
                false => told.run(step),
            }
        }
        told
    }

    fn run(&mut self, step: &Step<'_>) {
        let begun = Instant::now();
        println!("\n== {}", step.name);
        if let Err(error) = (step.run)() {
            error.print();
            self.failed.push(step.name.clone());
        }
        self.times.push(format!("{} {:.0} s", step.name, begun.elapsed().as_secs_f64()));
    }

    fn result(self) -> Result<()> {
        if !self.left.is_empty() {
            println!("left to other runs, as it is late: {}", self.left.join(", "));
        }
        match self.failed.is_empty() {
            true => Ok(()),
            false => Err(Error::failed(format!("failed: {}", self.failed.join(", ")))),
        }
    }
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
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_hash_is_a_number_and_what_is_none_is_the_first() {
        assert_eq!(number("0000001f3c5d7e9a0b2c4d6e8f0a1b2c3d4e5f60\n"), 31);
        assert_eq!(number("ffffffff3c5d7e9a0b2c4d6e8f0a1b2c3d4e5f60"), 0xffff_ffff);
        assert_eq!((number(""), number("not a repository")), (0, 0));
    }

    /// What ran, in its order, and what was said.
    fn told(is_late: bool, red: &str) -> (Vec<String>, Told) {
        let ran = RefCell::new(Vec::new());
        let step = |name: &'static str| {
            let ran = &ran;
            Step::new(name, move || {
                ran.borrow_mut().push(name.to_owned());
                if name == red { Err(Error::failed("red")) } else { Ok(()) }
            })
        };
        let always = [step("lint"), step("tests")];
        let in_turn = vec![step("worker"), step("variants")];
        let told = Told::of(&always, || Ok(in_turn), &|| is_late);
        drop(always);
        (ran.into_inner(), told)
    }

    #[test]
    fn where_nobody_knows_what_has_turns_the_rest_is_run_and_it_is_red() {
        let told = Told::of(&[Step::new("lint", || Ok(()))], || Err(Error::failed("red")), &|| false);
        assert_eq!((told.times.len(), told.failed), (1, vec!["what has turns".to_owned()]));
    }

    #[test]
    fn what_has_turns_is_left_out_where_it_is_late_but_for_the_first() {
        let (ran, told) = self::told(true, "");
        assert_eq!(
            (ran, told.left),
            (["lint", "tests", "worker"].map(str::to_owned).to_vec(), vec!["variants".to_owned()])
        );
        let (ran, told) = self::told(false, "");
        assert_eq!(ran, ["lint", "tests", "worker", "variants"]);
        assert!(told.left.is_empty() && told.result().is_ok());
    }

    #[test]
    fn a_red_step_keeps_no_other_from_being_run() {
        let (ran, told) = self::told(false, "lint");
        assert_eq!(ran, ["lint", "tests", "worker", "variants"]);
        assert_eq!(told.times.len(), 4);
        assert_eq!(told.failed, ["lint"]);
        assert!(told.result().is_err());
    }
}
