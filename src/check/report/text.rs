//! Lines for a person.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::{Case, CaseOutcome, Outcome, Report, StepReport};
use crate::shell;

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

/// `  clippy  ok       62.1 s  237 crates compiled`, and for a red step what matters of its output.
pub fn step(step: &StepReport) -> String {
    let (style, word) = match step.outcome {
        Outcome::Passed => (GREEN, "ok"),
        Outcome::Failed => (RED, "FAILED"),
        Outcome::Skipped => (YELLOW, "skipped"),
    };
    let name = step.step.name();
    let seconds = step.seconds;
    let mut text = format!("  {name:7} {style}{word:7}{style:#} {seconds:6.1} s  {}", step.summary);
    text.truncate(text.trim_end().len());
    let promises = step.cases.iter().filter(|case| is_promise(case));
    promises.for_each(|case| text.push_str(&promise(case)));
    for line in step.excerpt.lines() {
        let _ = write!(text, "\n    {line}");
    }
    if step.is_red() {
        if let Some(log) = &step.log {
            let _ = write!(text, "\n    {DIM}whole output:{DIM:#} {}", shell::path(log));
        }
        if let Some(help) = &step.help {
            let _ = write!(text, "\n    {DIM}next:{DIM:#} {help}");
        }
    }
    text
}

/// The last line: the verdict in one look.
pub fn verdict(report: &Report) -> String {
    let mut text = String::new();
    for note in &report.notes {
        let _ = writeln!(text, "  {YELLOW}note{YELLOW:#} {note}");
    }
    let seconds = report.seconds;
    let name = &report.name;
    if report.is_whole() {
        let _ = write!(text, "{GREEN}{name} is proven{GREEN:#} in {seconds:.1} s");
    } else if report.passed {
        let steps: Vec<_> = report.steps.iter().map(|step| step.step.name()).collect();
        let _ = write!(text, "{GREEN}{name} passes{GREEN:#} {} in {seconds:.1} s", steps.join(", "));
    } else {
        let red: Vec<_> = report.steps.iter().filter(|step| step.is_red()).map(|s| s.step.name()).collect();
        let _ = write!(text, "{RED}{name} fails its check{RED:#} ({}) after {seconds:.1} s", red.join(", "));
        let _ =
            write!(text, "\nnext: formwork check {} --steps {}", shell::path(&report.project), red.join(","));
    }
    text
}

fn is_promise(case: &Case) -> bool {
    matches!(case.outcome, CaseOutcome::Kept | CaseOutcome::Broken | CaseOutcome::NotClaimed)
}

fn promise(case: &Case) -> String {
    let (style, word) = match case.outcome {
        CaseOutcome::Kept => (GREEN, "kept"),
        CaseOutcome::Broken => (RED, "BROKEN"),
        _ => (YELLOW, "not claimed"),
    };
    let mut text = format!("\n    {:16} {style}{word}{style:#}", case.name);
    if let (CaseOutcome::Kept, Some(operations)) = (case.outcome, &case.detail) {
        let _ = write!(text, "  {DIM}{operations}{DIM:#}");
    } else if let Some(detail) = &case.detail {
        for line in detail.lines() {
            let _ = write!(text, "\n      {line}");
        }
    }
    text
}
