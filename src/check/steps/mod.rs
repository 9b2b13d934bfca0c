//! The steps, and what they hand on to each other.

pub mod boot;
pub mod compile;
pub mod fmt;

pub mod probe;
pub mod test;

use std::time::Instant;

use super::{
    Outcome, Report, Request, Step,
    cache::CrateCache,
    messages::Compiled,
    project::Project,
    report::{Crates, StepReport},
    screen::Screen,
    services::Services,
};
use crate::{error::Result, interrupt::Interrupt};

/// One check under way.
pub struct Run<'a> {
    project: &'a Project,
    request: &'a Request,
    interrupt: &'a Interrupt,
    screen: &'a Screen,
    services: &'a Services,
    started: Instant,
    compiled: Compiled,
    cache: CrateCache<'a>,
    /// Why the steps that need a program cannot run.
    blocked: Option<&'static str>,
    built: bool,
    /// Whether crates have been asked for.
    fetched: bool,
    steps: Vec<StepReport>,
}

impl<'a> Run<'a> {
    pub fn new(
        project: &'a Project,
        request: &'a Request,
        interrupt: &'a Interrupt,
        screen: &'a Screen,
        services: &'a Services,
    ) -> Self {
        Self {
            project,
            request,
            interrupt,
            screen,
            services,
            started: Instant::now(),
            compiled: Compiled::default(),
            cache: CrateCache::open(project, interrupt),
            blocked: None,
            built: false,
            fetched: false,
            steps: Vec::new(),
        }
    }

    pub fn step(&mut self, step: Step) -> Result<()> {
        let started = Instant::now();
        self.screen.start(step);
        let mut report = match (step, self.blocked) {
            (Step::Fmt, _) => fmt::run(self),
            (_, Some(reason)) => Ok(StepReport::new(step, Outcome::Skipped, reason)),
            (Step::Clippy, None) => compile::clippy(self),
            (Step::Build, None) => compile::build(self),
            (Step::Test, None) => test::run(self),
            (Step::Boot, None) => boot::run(self),
            (Step::Probe, None) => probe::run(self),
        }?;
        report.seconds = started.elapsed().as_secs_f64();
        self.screen.finish(&report);
        self.steps.push(report);
        Ok(())
    }

    pub fn finish(self) -> Report {
        Report {
            schema: 1,
            project: self.project.folder.clone(),
            name: self.project.name.clone(),
            toolchain: self.project.rustc.release.clone(),
            passed: !self.steps.iter().any(StepReport::is_red),
            seconds: self.started.elapsed().as_secs_f64(),
            crates: Crates {
                total: self.compiled.registry_crates(),
                compiled: self.compiled.compiled_registry_crates(),
                units_from_cache: self.cache.seeded,
            },
            services: self.services.report(),
            steps: self.steps,
            notes: self.cache.notes,
        }
    }
}
