//! Reads what Rust's test harness prints.

use super::report::{Case, CaseOutcome};

/// The tests of one `cargo test`, read line by line.
#[derive(Debug, Default)]
pub struct Tests {
    pub cases: Vec<Case>,
    /// What the test programs that have ended counted: the truth where a test's own output garbled a line.
    pub passed: usize,
    pub failed: usize,
    pub ignored: usize,
    /// Announced by `running N tests`.
    pub announced: usize,
    /// Counted by `N tests, M benchmarks`, where they are only listed.
    pub listed: usize,
    /// The program that runs now, such as `tests/it/main.rs`.
    pub program: String,
    failure: Option<Failure>,
}

/// A section `---- NAME stdout ----` that is being read.
#[derive(Debug)]
struct Failure {
    name: String,
    output: Vec<String>,
}

impl Tests {
    pub fn line(&mut self, line: &str) {
        if let Some(program) = program_of(line) {
            self.program = program;
        } else if let Some(count) = announced(line) {
            self.announced += count;
        } else if let Some(count) = listed(line) {
            self.listed += count;
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.end_failure();
            self.add_result(result);
        } else if let Some(name) = section(line) {
            self.end_failure();
            self.failure = Some(Failure { name: name.to_owned(), output: Vec::new() });
        } else if line == "failures:" {
            self.end_failure();
        } else if let Some(failure) = &mut self.failure {
            failure.output.push(line.to_owned());
        } else if let Some(case) = case(line) {
            self.cases.push(case);
        }
    }

    /// Tests that have ended.
    pub fn done(&self) -> usize {
        self.cases.len()
    }

    /// As many as are known of.
    pub fn all(&self) -> usize {
        self.listed.max(self.announced).max(self.done())
    }

    /// What the failed tests printed.
    pub fn failures(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(|case| case.outcome.is_red())
    }

    fn end_failure(&mut self) {
        let Some(failure) = self.failure.take() else { return };
        let detail = Some(failure.output.join("\n").trim().to_owned());
        // Names repeat between programs: the section belongs to the last one.
        match self.cases.iter_mut().rev().find(|case| case.name == failure.name) {
            Some(case) => case.detail = detail,
            None => self.cases.push(Case { name: failure.name, outcome: CaseOutcome::Failed, detail }),
        }
    }

    /// `ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s`
    fn add_result(&mut self, result: &str) {
        let count = |what: &str| {
            let words: Vec<&str> = result.split([' ', ';']).filter(|word| !word.is_empty()).collect();
            words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
        self.ignored += count("ignored");
    }
}

/// `     Running tests/it/main.rs (target/debug/deps/it-0123)` or `   Doc-tests service`
fn program_of(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("Running ") {
        return rest.split_once(" (").map(|(program, _)| program.trim_start_matches("unittests ").to_owned());
    }
    line.strip_prefix("Doc-tests ").map(|name| format!("doc tests of {name}"))
}

fn announced(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("running ")?;
    rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test"))?.parse().ok()
}

/// `257 tests, 0 benchmarks`
fn listed(line: &str) -> Option<usize> {
    let (tests, benchmarks) = line.split_once(", ")?;
    let is_count = benchmarks.ends_with(" benchmarks") || benchmarks.ends_with(" benchmark");
    let tests = tests.strip_suffix(" tests").or_else(|| tests.strip_suffix(" test"))?;
    tests.parse().ok().filter(|_| is_count)
}

fn section(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("---- ")?;
    rest.strip_suffix(" stdout ----").or_else(|| rest.strip_suffix(" stderr ----"))
}

/// `test jobs::retry ... ok`, also `FAILED` and `ignored, needs a server`
fn case(line: &str) -> Option<Case> {
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let outcome = match result.split([',', ' ']).next()? {
        "ok" => CaseOutcome::Passed,
        "FAILED" => CaseOutcome::Failed,
        "ignored" => CaseOutcome::Ignored,
        _ => return None,
    };
    let detail = result.strip_prefix("ignored, ").map(str::to_owned);
    // `a - should panic ... ok` and `src/lib.rs - (line 3) - compile fail ... ok` keep their remarks.
    Some(Case { name: name.to_owned(), outcome, detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
     Running unittests src/lib.rs (target/debug/deps/service-8147499c8ee9691b)

running 3 tests
test a::works ... ok
test a::sleeps ... ignored, needs a server
test a::breaks ... FAILED

failures:

---- a::breaks stdout ----

thread 'a::breaks' panicked at src/lib.rs:10:9:
assertion `left == right` failed
  left: 4
 right: 5


failures:
    a::breaks

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests service

running 1 test
test src/lib.rs - held (line 3) - compile fail ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
";

    #[test]
    fn every_test_and_the_output_of_a_failed_one_are_read() {
        let mut tests = Tests::default();
        OUTPUT.lines().for_each(|line| tests.line(line));
        assert_eq!((tests.passed, tests.failed, tests.ignored, tests.announced), (2, 1, 1, 4));
        assert_eq!(tests.done(), 4);
        assert_eq!(tests.program, "doc tests of service");
        let failed: Vec<_> = tests.failures().collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].name, "a::breaks");
        let detail = failed[0].detail.as_deref().unwrap_or_default();
        assert!(detail.starts_with("thread 'a::breaks' panicked"), "{detail}");
        assert!(detail.ends_with("right: 5"), "{detail}");
    }

    #[test]
    fn all_programs_tests_are_counted_before_the_first_one_starts() {
        let mut tests = Tests::default();
        let lists = "a::works: test\n\n2 tests, 0 benchmarks\n   Doc-tests service\nsrc/lib.rs - (line 3): test\n\n1 test, 0 benchmarks";
        lists.lines().for_each(|line| tests.line(line));
        assert_eq!((tests.listed, tests.done(), tests.all()), (3, 0, 3));
        tests.line("running 4 tests");
        assert_eq!(tests.all(), 4);
    }

    #[test]
    fn a_result_counts_where_a_tests_own_output_garbled_its_line() {
        let mut tests = Tests::default();
        tests.line("running 1 test");
        tests.line("test noisy ... some output of a child process");
        tests.line("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!((tests.passed, tests.done()), (1, 0));
    }
}
