//! `formwork check`: prove a project, tell of it, write the report.

use std::{fs, path::Path};

use crate::{
    check::{self, Report, Request, report},
    cli::Check,
    error::{Error, Result, Status},
};

pub(super) fn run(arguments: &Check) -> Result<Status> {
    if let Some(file) = &arguments.junit {
        // Before the work of minutes, not after it.
        write_junit(file, "")?;
    }
    let request = Request {
        steps: arguments.steps.clone(),
        services: arguments.services,
        offline: arguments.offline,
        json: arguments.json,
    };
    let report = check::run(&arguments.path, &request)?;
    if let Some(file) = &arguments.junit {
        write_junit(file, &report::junit::render(&report))?;
    }
    print(&report, arguments.json);
    Ok(report.status())
}

fn write_junit(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)
        .map_err(|error| Error::failed("cannot write the JUnit report").at(file, None).cause(error))
}

fn print(report: &Report, json: bool) {
    match json {
        true => println!("{}", report::json::render(report)),
        false => anstream::println!("\n{}", report::text::verdict(report)),
    }
}
