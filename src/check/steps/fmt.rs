//! `cargo fmt --check`.

use super::Run;
use crate::{
    check::{Outcome, Step, cargo, log::Log, process, report::StepReport},
    error::Result,
};

/// Enough of a difference to know what it is about.
const EXCERPT_LINES: usize = 40;

pub fn run(run: &mut Run) -> Result<StepReport> {
    let mut log = Log::create(run.project, Step::Fmt)?;
    let mut output = Vec::new();
    let mut command = cargo::command(&run.project.folder, "fmt");
    command.arg("--check");
    let status = process::run(command, run.interrupt, |line| {
        log.line(line);
        output.push(line.to_owned());
    })?;
    if status.success() {
        return Ok(StepReport::new(Step::Fmt, Outcome::Passed, ""));
    }
    let mut report = StepReport::new(Step::Fmt, Outcome::Failed, "files are not formatted");
    report.excerpt = shorten(&output);
    report.log = Some(log.path.clone());
    report.help = Some("cargo fmt".to_owned());
    Ok(report)
}

fn shorten(output: &[String]) -> String {
    let mut text = output.iter().take(EXCERPT_LINES).cloned().collect::<Vec<_>>().join("\n");
    if let Some(more @ 1..) = output.len().checked_sub(EXCERPT_LINES) {
        text.push_str(&format!("\n… {more} more lines"));
    }
    text
}
