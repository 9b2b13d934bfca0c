//! The proof of a preset as JUnit's XML: a suite for all renders, and one for each project that was checked.

use std::fmt::Write as _;

use super::{Checked, Proof, Rendered, named_as};
use crate::check::{
    Outcome,
    report::{StepReport, junit::escape},
};

pub(super) fn render(proof: &Proof) -> String {
    let broken = proof.rendered.iter().filter(|one| one.error.is_some()).count();
    let red = proof.checked.iter().flat_map(|one| &one.report.steps).filter(|step| step.is_red()).count();
    let cases = proof.rendered.len() + proof.checked.iter().map(|one| one.report.steps.len()).sum::<usize>();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"{}\" tests=\"{cases}\" failures=\"{}\">\n",
        escape(&proof.preset),
        broken + red
    );
    let _ = writeln!(
        xml,
        "  <testsuite name=\"render\" tests=\"{}\" failures=\"{broken}\">",
        proof.rendered.len()
    );
    proof.rendered.iter().for_each(|one| rendered(&mut xml, one));
    let warnings = proof.warnings.join("\n");
    if !warnings.is_empty() {
        let _ = writeln!(xml, "    <system-out>{}</system-out>", escape(&warnings));
    }
    xml.push_str("  </testsuite>\n");
    proof.checked.iter().for_each(|one| checked(&mut xml, one));
    xml.push_str("</testsuites>\n");
    xml
}

fn rendered(xml: &mut String, one: &Rendered) {
    let name = escape(&named_as(&one.choices));
    let _ = write!(xml, "    <testcase classname=\"render\" name=\"{name}\" time=\"{:.3}\"", one.seconds);
    end(xml, one.error.as_deref().map(|error| ("failure", error)));
}

fn checked(xml: &mut String, one: &Checked) {
    let (name, steps) = (escape(&named_as(&one.choices)), &one.report.steps);
    let red = steps.iter().filter(|step| step.is_red()).count();
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{red}\" time=\"{:.3}\">",
        steps.len(),
        one.report.seconds
    );
    for step in steps {
        let step_name = step.step.name();
        let _ = write!(
            xml,
            "    <testcase classname=\"{name}\" name=\"{step_name}\" time=\"{:.3}\"",
            step.seconds
        );
        end(xml, said(step).as_ref().map(|(kind, text)| (*kind, text.as_str())));
    }
    xml.push_str("  </testsuite>\n");
}

fn said(step: &StepReport) -> Option<(&'static str, String)> {
    match step.outcome {
        Outcome::Passed => None,
        Outcome::Failed => {
            Some(("failure", format!("{}\n{}", step.summary, anstream::adapter::strip_str(&step.excerpt))))
        }
        Outcome::Skipped => Some(("skipped", step.summary.clone())),
    }
}

/// The end of a case: nothing more, or why it is not green.
fn end(xml: &mut String, said: Option<(&str, &str)>) {
    let Some((kind, text)) = said else { return xml.push_str("/>\n") };
    let first = escape(text.lines().next().unwrap_or_default());
    let _ = writeln!(xml, ">\n      <{kind} message=\"{first}\">{}</{kind}>\n    </testcase>", escape(text));
}
