//! The one place where `new` meets the check. A red or interrupted check keeps the project.

use std::{path::Path, time::Duration};

use crate::{
    check::{self, Report, Request, report::text},
    cli::New,
    error::{Result, Status},
    estimate::roughly,
    shell,
};

/// Looks for what the check will need, before anything is asked or written.
pub(super) fn preflight() -> Result<()> {
    check::preflight()
}

/// What the check is expected to take.
pub(super) struct Expected {
    /// Of the lock file: some of them are for other systems than this one.
    pub(super) crates: usize,
    /// With nothing compiled before.
    pub(super) first: Duration,
    /// With everything compiled before; none while that was not measured.
    pub(super) later: Option<Duration>,
}

impl Expected {
    fn text(&self, is_compiled: bool) -> String {
        let (crates, first) = (self.crates, roughly(self.first));
        match self.later.map(roughly) {
            Some(later) if is_compiled => format!("most of its crates are compiled already, {later}"),
            Some(later) => format!("up to {crates} crates, {first}; later projects {later}"),
            None => format!("up to {crates} crates, {first}"),
        }
    }
}

/// Proves the project in place, after saying what comes.
pub(super) fn prove(project: &Path, arguments: &New, expected: &Expected) -> Result<Report> {
    let request = Request {
        services: arguments.services,
        offline: arguments.offline,
        json: arguments.json,
        ..Request::default()
    };
    if !arguments.json {
        let expected = expected.text(check::cache::knows_most(project)?);
        anstream::println!("\nproving it: {expected}\n");
    }
    let report = check::run(project, &request).map_err(|error| match error.status {
        // It says so itself.
        Status::Interrupted => error,
        _ => error.help(format!("the project is kept; go on with: formwork check {}", shell::path(project))),
    })?;
    if !arguments.json {
        anstream::println!("\n{}", text::verdict(&report));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_depends_on_what_is_compiled() {
        let seconds = Duration::from_secs;
        let expected = Expected { crates: 237, first: seconds(115), later: Some(seconds(18)) };
        assert_eq!(
            expected.text(false),
            "up to 237 crates, about 2 minutes; later projects about 20 seconds"
        );
        assert_eq!(expected.text(true), "most of its crates are compiled already, about 20 seconds");
        let unmeasured = Expected { later: None, ..expected };
        assert_eq!(unmeasured.text(true), "up to 237 crates, about 2 minutes");
    }
}
