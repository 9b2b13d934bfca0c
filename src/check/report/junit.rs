//! JUnit's XML, as Jenkins, GitLab and GitHub's test reporters read it: a suite a step, a case a test or
//! promise.

use std::fmt::Write;

use anstream::adapter::strip_str;

use super::{Case, Outcome, Report, StepReport};

pub fn render(report: &Report) -> String {
    let suites: Vec<Suite> = report.steps.iter().map(Suite::of).collect();
    let total = |count: fn(&Suite) -> usize| suites.iter().map(count).sum::<usize>();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        escape(&report.name),
        total(|suite| suite.cases.len()),
        total(Suite::failures),
        total(Suite::skipped),
        report.seconds
    );
    suites.iter().for_each(|suite| suite.write(&mut xml));
    xml.push_str("</testsuites>\n");
    xml
}

enum Verdict {
    Passed,
    Failed(String),
    Skipped(String),
}

struct Suite {
    name: &'static str,
    seconds: f64,
    cases: Vec<(String, Verdict)>,
    output: String,
}

impl Suite {
    fn of(step: &StepReport) -> Self {
        let mut cases: Vec<_> =
            step.cases.iter().map(|case| (case.name.clone(), Verdict::of_case(case))).collect();
        // A step without cases of its own, or one that is red for another reason, is a case itself.
        let explained = cases.iter().any(|(_, verdict)| matches!(verdict, Verdict::Failed(_)));
        if cases.is_empty() || (step.is_red() && !explained) {
            cases.push((step.step.name().to_owned(), Verdict::of_step(step)));
        }
        let output = strip_str(&step.excerpt).to_string();
        Self { name: step.step.name(), seconds: step.seconds, cases, output }
    }

    fn failures(&self) -> usize {
        self.cases.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Failed(_))).count()
    }

    fn skipped(&self) -> usize {
        self.cases.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Skipped(_))).count()
    }

    fn write(&self, xml: &mut String) {
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
            self.name,
            self.cases.len(),
            self.failures(),
            self.skipped(),
            self.seconds
        );
        for (name, verdict) in &self.cases {
            let _ = write!(xml, "    <testcase classname=\"{}\" name=\"{}\"", self.name, escape(name));
            let _ = match verdict {
                Verdict::Passed => writeln!(xml, "/>"),
                Verdict::Failed(why) => {
                    let first = why.lines().next().unwrap_or("failed");
                    writeln!(
                        xml,
                        ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                        escape(first),
                        escape(why)
                    )
                }
                Verdict::Skipped(why) => {
                    writeln!(xml, ">\n      <skipped message=\"{}\"/>\n    </testcase>", escape(why))
                }
            };
        }
        if !self.output.is_empty() {
            let _ = writeln!(xml, "    <system-out>{}</system-out>", escape(&self.output));
        }
        xml.push_str("  </testsuite>\n");
    }
}

impl Verdict {
    fn of_case(case: &Case) -> Self {
        let detail = case.detail.clone().unwrap_or_default();
        match case.outcome {
            outcome if outcome.is_red() => Self::Failed(detail),
            outcome if outcome.was_run() => Self::Passed,
            _ => Self::Skipped(detail),
        }
    }

    fn of_step(step: &StepReport) -> Self {
        match step.outcome {
            Outcome::Passed => Self::Passed,
            Outcome::Failed => Self::Failed(step.summary.clone()),
            Outcome::Skipped => Self::Skipped(step.summary.clone()),
        }
    }
}

/// XML 1.0 has no way to write most control characters: they become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{
        Step,
        report::{CaseOutcome, Crates},
    };

    fn report(steps: Vec<StepReport>) -> Report {
        Report {
            schema: 1,
            project: "/srv/orders".into(),
            name: "orders".into(),
            toolchain: "1.95.0".into(),
            passed: false,
            seconds: 1.5,
            crates: Crates::default(),
            services: Vec::new(),
            steps,
            notes: Vec::new(),
        }
    }

    fn case(name: &str, outcome: CaseOutcome, detail: Option<&str>) -> Case {
        Case { name: name.into(), outcome, detail: detail.map(str::to_owned) }
    }

    #[test]
    fn every_case_is_counted_once() {
        let mut probe = StepReport::new(Step::Probe, Outcome::Failed, "1 promise is broken");
        probe.cases = vec![
            case("P1 stateless", CaseOutcome::Kept, None),
            case("P2 timeouts", CaseOutcome::Broken, Some("expected <504>, saw \"200\" & more")),
            case("P9 cache", CaseOutcome::NotClaimed, Some("no operation claims it")),
        ];
        let fmt = StepReport::new(Step::Fmt, Outcome::Passed, "");
        let xml = render(&report(vec![fmt, probe]));
        assert!(
            xml.contains("<testsuites name=\"orders\" tests=\"4\" failures=\"1\" skipped=\"1\""),
            "{xml}"
        );
        assert!(xml.contains("message=\"expected &lt;504&gt;, saw &quot;200&quot; &amp; more\""), "{xml}");
        assert!(xml.contains("<testcase classname=\"fmt\" name=\"fmt\"/>"), "{xml}");
    }

    #[test]
    fn a_red_step_whose_cases_are_green_is_a_failure_of_its_own() {
        let mut test = StepReport::new(Step::Test, Outcome::Failed, "a test program was killed");
        test.cases = vec![case("works", CaseOutcome::Passed, None)];
        let xml = render(&report(vec![test]));
        assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
        assert!(xml.contains("a test program was killed"), "{xml}");
    }

    #[test]
    fn control_characters_do_not_break_the_document() {
        assert_eq!(escape("a\u{1b}[31m\u{0}b"), "a\u{fffd}[31m\u{fffd}b");
    }
}
