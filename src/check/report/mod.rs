//! What a check found, for a person (text), a program (JSON) and a CI server (JUnit).

pub mod json;
pub mod junit;
pub mod text;

use std::path::PathBuf;

use serde::Serialize;

use super::{services::Service, step::Step};
use crate::error::Status;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Passed,
    Failed,
    Skipped,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of this report's layout: it grows when a reader would have to change.
    pub schema: u32,
    pub project: PathBuf,
    pub name: String,
    /// The compiler's release.
    pub toolchain: String,
    pub passed: bool,
    pub seconds: f64,
    pub crates: Crates,
    /// Servers that the project needs, and where they came from.
    pub services: Vec<Service>,
    pub steps: Vec<StepReport>,
    /// What did not go as usual and does not change the verdict.
    pub notes: Vec<String>,
}

/// Crates from a registry, counted as packages.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Crates {
    /// Needed by the project.
    pub total: usize,
    /// Compiled by this check.
    pub compiled: usize,
    /// Compiled units that were copied from the user's cache.
    pub units_from_cache: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    pub step: Step,
    pub outcome: Outcome,
    pub seconds: f64,
    /// One line.
    pub summary: String,
    /// Registry crates that this step compiled.
    pub crates_compiled: usize,
    /// Tests, or promises.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<Case>,
    /// The part of the output that matters.
    #[serde(skip_serializing_if = "String::is_empty", serialize_with = "without_colours")]
    pub excerpt: String,
    /// The whole output.
    pub log: Option<PathBuf>,
    /// The command that repeats or repairs this.
    pub help: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    pub name: String,
    pub outcome: CaseOutcome,
    /// Why it failed, what was not claimed, or where a promise was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    Passed,
    Failed,
    Ignored,
    Kept,
    Broken,
    NotClaimed,
}

impl CaseOutcome {
    pub fn is_red(self) -> bool {
        matches!(self, Self::Failed | Self::Broken)
    }

    pub fn was_run(self) -> bool {
        !matches!(self, Self::Ignored | Self::NotClaimed)
    }
}

impl Report {
    /// Every step was run, and none is red.
    pub fn is_whole(&self) -> bool {
        self.passed
            && self.steps.len() == Step::ALL.len()
            && self.steps.iter().all(|step| step.outcome == Outcome::Passed)
    }

    pub fn status(&self) -> Status {
        if self.passed { Status::Fine } else { Status::Failed }
    }
}

impl StepReport {
    pub fn new(step: Step, outcome: Outcome, summary: impl Into<String>) -> Self {
        Self {
            step,
            outcome,
            seconds: 0.0,
            summary: summary.into(),
            crates_compiled: 0,
            cases: Vec::new(),
            excerpt: String::new(),
            log: None,
            help: None,
        }
    }

    pub fn is_red(&self) -> bool {
        self.outcome == Outcome::Failed
    }
}

fn without_colours<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&anstream::adapter::strip_str(text))
}
