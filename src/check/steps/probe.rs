//! Tests the service's promises from outside.

use super::{Run, boot::scratch, compile};
use crate::{
    check::{
        Outcome, Step,
        log::Log,
        probe::{self, Place},
        report::{Case, CaseOutcome, StepReport},
    },
    error::Result,
};

pub fn run(run: &mut Run) -> Result<StepReport> {
    let log = Log::create(run.project, Step::Probe)?;
    let binary = match compile::binary(run, Step::Probe, log)? {
        Ok(binary) => binary,
        Err(report) => return Ok(report),
    };
    let scratch = scratch()?;
    let logs = run.project.logs().join("probe");
    let servers = run.services.settings();
    let place = Place { binary: &binary, scratch: scratch.path(), logs: &logs, servers: &servers };
    let count = |done: usize, all: usize| run.screen.progress(done as u64, all as u64, "promises tested", "");
    let cases = probe::run(&place, run.interrupt, &count)?;
    let mut report = report(cases);
    report.log = Some(logs);
    Ok(report)
}

fn report(cases: Vec<Case>) -> StepReport {
    let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).count();
    let (kept, broken) = (count(CaseOutcome::Kept), count(CaseOutcome::Broken));
    let mut summary = format!("{kept} promises kept");
    if broken > 0 {
        summary.push_str(&format!(", {broken} broken"));
    }
    let not_claimed = count(CaseOutcome::NotClaimed);
    if not_claimed > 0 {
        summary.push_str(&format!(", {not_claimed} not claimed"));
    }
    let outcome = if broken > 0 { Outcome::Failed } else { Outcome::Passed };
    let mut report = StepReport::new(Step::Probe, outcome, summary);
    report.cases = cases;
    report
}
