//! `cargo test`, documentation tests included.

use std::process::Command;

use super::{Run, compile};
use crate::{
    check::{
        Outcome, Step, cargo,
        libtest::Tests,
        log::{self, Log},
        process,
        report::{Case, StepReport},
    },
    error::Result,
};

/// Failed tests whose output is shown, and how much of each; the rest is in the log.
const SHOWN: usize = 5;
const LINES: usize = 25;

pub fn run(run: &mut Run) -> Result<StepReport> {
    let mut log = Log::create(run.project, Step::Test)?;
    let mut build = cargo::compile(run.project, "test", run.request.offline);
    build.arg("--no-run");
    let outputs = compile::call(run, build, &mut log)?;
    if !outputs.status.success() {
        run.blocked = Some("the tests do not compile");
        return Ok(outputs.report(Step::Test, &log));
    }
    let mut command = cargo_test(run);
    command.arg("--no-fail-fast");
    let mut tests = Tests::default();
    tests.listed = count(run)?;
    let status = process::run(command, run.interrupt, |line| {
        log.line(line);
        tests.line(line);
        match tests.all() {
            0 => run.screen.message("starting"),
            all => run.screen.progress(tests.done() as u64, all as u64, "tests run", &tests.program),
        }
    })?;
    let mut report = report(tests, status.success());
    report.crates_compiled = outputs.crates_compiled;
    report.log = Some(log.path.clone());
    Ok(report)
}

fn cargo_test(run: &Run) -> Command {
    let mut command = cargo::command(&run.project.folder, "test");
    command.arg("--locked").env("CARGO_TERM_COLOR", "never").envs(run.services.for_tests());
    if run.request.offline {
        command.arg("--offline");
    }
    command
}

/// How many tests there are in all programs, documentation included: each program tells of its own only when it
/// starts. Where a program cannot list them, what is told later counts.
fn count(run: &Run) -> Result<usize> {
    run.screen.message("counting");
    let mut command = cargo_test(run);
    command.args(["--", "--list"]);
    let mut tests = Tests::default();
    process::run(command, run.interrupt, |line| tests.line(line))?;
    Ok(tests.listed)
}

fn report(tests: Tests, passed: bool) -> StepReport {
    let mut summary = format!("{} tests passed", tests.passed);
    if tests.ignored > 0 {
        summary.push_str(&format!(", {} ignored", tests.ignored));
    }
    if passed {
        let mut report = StepReport::new(Step::Test, Outcome::Passed, summary);
        report.cases = tests.cases;
        return report;
    }
    let summary = match tests.failed {
        0 => format!("{summary}, and a test program ended without a result"),
        failed => format!("{summary}, {failed} failed"),
    };
    let mut report = StepReport::new(Step::Test, Outcome::Failed, summary);
    report.excerpt = excerpt(&tests.failures().collect::<Vec<_>>());
    report.help = tests.failures().next().map(|case| format!("cargo test {}", case.name));
    report.cases = tests.cases;
    report
}

fn excerpt(failures: &[&Case]) -> String {
    let mut text: Vec<String> = failures.iter().take(SHOWN).map(|case| one_failure(case)).collect();
    if let Some(more @ 1..) = failures.len().checked_sub(SHOWN) {
        text.push(format!("… {more} more failed tests"));
    }
    text.join("\n")
}

fn one_failure(case: &Case) -> String {
    let output = case.detail.as_deref().unwrap_or_default();
    // The panic stands at the end, after what the test printed.
    let shown = log::last_lines(&without_backtraces(output), LINES, "\n  ");
    format!("{}\n  {shown}", case.name)
}

/// Where `RUST_BACKTRACE` is set, frames would be all that is left of the last lines.
fn without_backtraces(output: &str) -> String {
    let mut is_frame = false;
    let mut lines = Vec::new();
    for line in output.lines() {
        is_frame = line == "stack backtrace:" || is_frame && line.starts_with(' ');
        if !is_frame && !line.starts_with("note: Some details are omitted") {
            lines.push(line);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_shown_whatever_its_backtrace() {
        let frames = "   0: std::panicking::begin\n             at /rustc/library/std/src/panicking.rs:1:2\n"
            .repeat(40);
        let output = format!(
            "thread 'a' panicked at src/lib.rs:10:9:\nleft: 1\n  right: 2\nstack backtrace:\n{frames}note: Some details are \
             omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.\nafter"
        );
        assert_eq!(
            without_backtraces(&output).lines().collect::<Vec<_>>(),
            ["thread 'a' panicked at src/lib.rs:10:9:", "left: 1", "  right: 2", "after"]
        );
    }
}
