//! The proof that a project on disk compiles, passes its tests and behaves as it promises.

pub mod cache;
pub mod cargo;
pub mod libtest;
pub mod linter;
pub mod log;
pub mod messages;
pub mod ports;
pub mod preflight;
pub mod probe;
pub mod process;
pub mod project;
pub mod report;
pub mod screen;
pub mod services;
pub mod step;
pub mod steps;

use std::path::Path;

pub use self::{
    preflight::preflight,
    report::{Outcome, Report},
    step::Step,
};
use self::{
    project::Project,
    screen::Screen,
    services::{Services, Way},
    steps::Run,
};
use crate::{
    error::{Error, Result},
    interrupt::Interrupt,
    shell,
};

/// What to prove, and where what happens is told.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Only these steps; none means all of them.
    pub steps: Vec<Step>,
    /// Where servers come from that the project needs.
    pub services: Way,
    /// Tell cargo not to use the network.
    pub offline: bool,
    /// Keep standard output free: it belongs to one JSON object.
    pub json: bool,
}

impl Request {
    fn wants(&self, step: Step) -> bool {
        self.steps.is_empty() || self.steps.contains(&step)
    }

    fn runs_something(&self) -> bool {
        [Step::Test, Step::Boot, Step::Probe].into_iter().any(|step| self.wants(step))
    }
}

/// Runs the steps in order and tells of each as it ends. A red step is in the report; an error is
/// something that kept the check from its work.
pub fn run(project: &Path, request: &Request) -> Result<Report> {
    let interrupt = Interrupt::of_process();
    let next = format!("formwork check {}", shell::path(project));
    check(project, request, &interrupt).map_err(|error| match interrupt.is_raised() {
        true => Error::interrupted().help(format!("the project is kept; go on with: {next}")),
        false => error,
    })
}

fn check(path: &Path, request: &Request, interrupt: &Interrupt) -> Result<Report> {
    project::expect(path)?;
    let project = preflight::at(path, 0).and_then(|()| Project::load(path))?;
    preflight::at(&project.folder, preflight::disk_for(&project.build))?;
    project.make_target()?;
    let screen = Screen::new(request.json);
    // Before the work of minutes: what is missing is said at once.
    let services = match request.runs_something() {
        true => Services::provide(&project, request.services, request.wants(Step::Test), interrupt)?,
        false => Services::default(),
    };
    services.report().iter().for_each(|service| screen.print(&format!("  servers {}", service.text())));
    let mut run = Run::new(&project, request, interrupt, &screen, &services);
    for step in Step::ALL.into_iter().filter(|step| request.wants(*step)) {
        interrupt.check()?;
        run.step(step)?;
    }
    Ok(run.finish())
}
