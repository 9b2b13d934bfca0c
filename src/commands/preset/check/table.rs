//! The proof of a preset for people: what is open, and a line for each project that was checked.

use std::fmt::Write as _;

use super::{Checked, Proof, Rendered, named_as};
use crate::{
    check::{Outcome, Step},
    shell,
};

const GREEN: anstyle::Style = anstyle::AnsiColor::Green.on_default().bold();
const RED: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
const YELLOW: anstyle::Style = anstyle::AnsiColor::Yellow.on_default();

pub(super) fn render(proof: &Proof) -> String {
    let mut text = String::new();
    for warning in &proof.warnings {
        let _ = writeln!(text, "  {YELLOW}warning{YELLOW:#} {warning}");
    }
    let red: Vec<&Rendered> = proof.rendered.iter().filter(|one| one.error.is_some()).collect();
    for one in &red {
        let error = one.error.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  {RED}{}{RED:#} does not render: {error}", named_as(&one.choices));
    }
    table(&mut text, &proof.checked);
    let (all, checked) = (proof.rendered.len(), proof.checked.len());
    let open = if proof.open.is_empty() { "nothing".to_owned() } else { proof.open.join(", ") };
    let _ = writeln!(text, "{} leaves open: {open}", proof.preset);
    let _ = writeln!(text, "  {} of {all} combinations render", all - red.len());
    if checked > 0 {
        let passed = proof.checked.iter().filter(|one| one.report.passed).count();
        let _ =
            writeln!(text, "  {passed} of {checked} projects, in which every pair of options stands, pass");
    }
    let (style, verdict) = if proof.is_green() { (GREEN, "holds") } else { (RED, "does not hold") };
    let _ = writeln!(text, "{style}{} {verdict}{style:#}", proof.preset);
    text
}

fn table(text: &mut String, checked: &[Checked]) {
    let Some(widest) = checked.iter().map(|one| named_as(&one.choices).len()).max() else { return };
    let steps = Step::ALL.map(|step| format!("{:7}", step.name())).join(" ");
    let _ = writeln!(text, "  {:widest$}  {steps} seconds", "");
    for one in checked {
        let outcome = |step: Step| {
            let found = one.report.steps.iter().find(|report| report.step == step);
            match found.map(|report| report.outcome) {
                Some(Outcome::Passed) => "ok",
                Some(Outcome::Failed) => "FAILED",
                Some(Outcome::Skipped) => "skipped",
                None => "-",
            }
        };
        let outcomes = Step::ALL.map(|step| format!("{:7}", outcome(step))).join(" ");
        let _ = writeln!(text, "  {:widest$}  {outcomes} {:7.1}", named_as(&one.choices), one.report.seconds);
        if let Some(kept) = &one.kept {
            let _ = writeln!(text, "    next: formwork check {}", shell::path(kept));
        }
    }
}
