//! Starts the binary, waits until it is ready, and stops it as an operator would.

use std::time::{Duration, Instant};

use super::{Run, compile};
use crate::{
    check::{
        Outcome, Step,
        log::Log,
        probe::{
            Finding,
            leash::Leash,
            service::{Launch, Service, empty_folder},
        },
        report::StepReport,
    },
    error::{Error, Result},
    interrupt::Interrupt,
};

/// A service that needs longer for its first answer is not one to restart all day.
const READY: Duration = Duration::from_secs(10);
const LEAVE: Duration = Duration::from_secs(10);

pub fn run(run: &mut Run) -> Result<StepReport> {
    let log = Log::create(run.project, Step::Boot)?;
    let path = log.path.clone();
    let binary = match compile::binary(run, Step::Boot, log)? {
        Ok(binary) => binary,
        Err(report) => return Ok(report),
    };
    run.screen.message("waiting for /ready");
    let scratch = scratch()?;
    let found = empty_folder(scratch.path(), "data").and_then(|data| {
        let (log, servers) = (path.clone(), run.services.settings());
        let launch = Launch { binary, data, log, servers, variables: Vec::new() };
        start_and_stop(&launch, run.interrupt)
    });
    run.interrupt.check()?;
    let mut report = match found {
        Ok(summary) => StepReport::new(Step::Boot, Outcome::Passed, summary),
        Err(reason) => {
            run.blocked = Some("the service does not start and stop as it should");
            let (summary, rest) = reason.split_once('\n').unwrap_or((&reason, ""));
            let mut report = StepReport::new(Step::Boot, Outcome::Failed, summary);
            report.excerpt = rest.to_owned();
            report
        }
    };
    report.log = Some(path);
    Ok(report)
}

pub fn scratch() -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix("formwork-")
        .tempdir()
        .map_err(|error| Error::failed("cannot make a temporary folder").cause(error).help("set TMPDIR"))
}

fn start_and_stop(launch: &Launch, interrupt: &Interrupt) -> Finding<String> {
    let mut service: Service = launch.start(&Leash::default())?;
    let ready = service.wait_until_ready(READY, interrupt)?;
    let stopping = Instant::now();
    service.stop(LEAVE)?;
    let stopped = stopping.elapsed();
    Ok(format!("ready after {:.2} s, gone {:.2} s after SIGTERM", ready.as_secs_f64(), stopped.as_secs_f64()))
}
