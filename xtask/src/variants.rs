//! The probe's variants on further options of `concurrency`: each of them is a service to build and to probe, so that
//! they have turns. The default option's are among the tests.

use std::{fmt, path::Path};

use duct::cmd;
use formwork::error::{Error, Result};

/// Into so many shares they are divided. Which of them has its turn is chance, so that in many runs each has it.
const TURNS: usize = 6;

const TESTS: [&str; 6] = ["test", "--locked", "--package", "formwork", "--test", "probe"];

/// Which of them are run.
#[derive(Clone, Copy)]
pub(crate) enum Variants {
    /// The turn's share, counted from 0.
    Turn(usize),
    All,
}

impl Variants {
    /// Those whose turn it is at a commit of this number.
    pub(crate) fn of_commit(number: usize) -> Self {
        Self::Turn(number % TURNS)
    }

    fn share(self, mut tests: Vec<String>) -> Vec<String> {
        let Self::Turn(turn) = self else { return tests };
        // Option by option: for each that a share has, a project is poured and built.
        tests.sort_by_key(|test| test.rsplit("::").next().map(str::to_owned));
        let bounds = [turn, turn + 1].map(|turn| turn * tests.len() / TURNS);
        tests[bounds[0]..bounds[1]].to_vec()
    }
}

impl fmt::Display for Variants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turn(turn) => write!(f, "share {} of {TURNS}", turn + 1),
            Self::All => write!(f, "all"),
        }
    }
}

pub(crate) fn run(home: &Path, variants: Variants) -> Result<()> {
    let list = cmd("cargo", TESTS.iter().chain(&["--", "--ignored", "--list", "--format", "terse"]));
    let list = list.dir(home).read();
    let list = list.map_err(|error| Error::failed("cargo cannot list the variants").cause(error))?;
    let tests: Vec<String> =
        list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect();
    let count = tests.len();
    let share = variants.share(tests);
    if share.is_empty() {
        return Err(Error::failed(format!("there is no test among the {count} that have turns")));
    }
    println!("{variants}: {} of {count}", share.len());
    let arguments =
        TESTS.iter().chain(&["--", "--ignored", "--exact"]).map(|argument| (*argument).to_owned());
    let done = cmd("cargo", arguments.chain(share)).dir(home).unchecked().run();
    let done = done.map_err(|error| Error::missing("cargo cannot be started").cause(error))?;
    if done.status.success() { Ok(()) } else { Err(Error::failed("variants: cargo says no")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_test_has_its_turn_once() {
        let tests: Vec<String> = (0..40)
            .flat_map(|number| {
                ["on_threads", "on_per_core"].map(|option| format!("of::a_{number}::{option}"))
            })
            .collect();
        let shares: Vec<Vec<String>> =
            (0..TURNS).map(|commit| Variants::of_commit(commit + TURNS).share(tests.clone())).collect();
        let run: BTreeSet<&String> = shares.iter().flatten().collect();
        assert_eq!(run, tests.iter().collect());
        assert_eq!(shares.iter().map(Vec::len).sum::<usize>(), tests.len());
        for share in shares {
            let options: BTreeSet<_> = share.iter().map(|test| test.rsplit("::").next()).collect();
            assert_eq!(options.len(), 1, "one project is enough for {share:?}");
        }
        assert_eq!(Variants::All.share(tests.clone()), tests);
    }
}
