//! The one place where `new` meets the check. A red or interrupted check keeps the project.

use std::path::Path;

use crate::{
    check::{self, Report, Request, report::text},
    cli::New,
    error::Result,
};

/// Looks for what the check will need, before anything is asked or written.
pub(super) fn preflight() -> Result<()> {
    check::preflight()
}

/// Proves the project in place, after saying what comes.
pub(super) fn prove(project: &Path, arguments: &New, crates: usize, expected: &str) -> Result<Report> {
    let request = Request { offline: arguments.offline, json: arguments.json, ..Request::default() };
    if !arguments.json {
        anstream::println!("\nproving it: {crates} crates, {expected}\n");
    }
    let report = check::run(project, &request)?;
    if !arguments.json {
        anstream::println!("\n{}", text::verdict(&report));
    }
    Ok(report)
}
