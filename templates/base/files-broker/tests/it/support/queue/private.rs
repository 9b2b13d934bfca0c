//! A broker of a test's own, which ends when the test says so, and comes back on its port and knows nothing.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::Child,
};

use super::BROKER;
use crate::support::servers;

/// How often somebody else may be faster at a port.
const ATTEMPTS: usize = 5;

pub(crate) struct Private {
    programs: PathBuf,
    port: u16,
    guard: Option<Child>,
}

impl Private {
    /// None where no program is installed to start one with: a server that is named by its URL is no test's to stop.
    pub(crate) fn start() -> Option<Self> {
        let recipe = &BROKER.recipe;
        let programs = match recipe.programs() {
            Ok(programs) => programs,
            Err(reason) => {
                writeln!(io::stderr(), "not tested: {reason}").ok();
                return None;
            }
        };
        let (port, guard) = servers::ports()
            .take(ATTEMPTS)
            .find_map(|port| Some((port, recipe.start_at(&programs, port).ok()?)))
            .expect("a server");
        Some(Self {
            programs,
            port,
            guard: Some(guard),
        })
    }

    pub(crate) fn url(&self) -> String {
        BROKER.recipe.url_at(self.port)
    }

    pub(crate) fn stop(&mut self) {
        servers::end(self.guard.take().expect("it runs"));
    }

    pub(crate) fn start_again(&mut self) {
        let started = BROKER.recipe.start_at(&self.programs, self.port);
        self.guard = Some(started.expect("a server"));
    }
}
