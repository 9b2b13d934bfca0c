//! A `Cargo.lock` is never merged: cargo repairs it, from what the owner has and what a render brings.

use std::{fs, path::Path};

use crate::{
    check::{cargo, process},
    error::{Error, Result, Status},
    interrupt::Interrupt,
    lock::{CargoLock, Locked, Prefer, seed},
    project::disk,
};

pub(crate) struct Repair<'a> {
    /// Where cargo is called.
    pub(crate) project: &'a Path,
    /// Where cargo finds the lock; what stands there is written over.
    pub(crate) file: &'a Path,
    /// Without packages where there was no lock.
    pub(crate) owners: &'a CargoLock,
    pub(crate) render: &'a CargoLock,
    pub(crate) offline: bool,
    pub(crate) interrupt: &'a Interrupt,
}

/// Whether cargo is told not to use the network, one attempt after the other.
type Attempts = &'static [bool];

type Repaired = Result<(String, CargoLock)>;

const HERE_FIRST: Attempts = &[true, false];
const REGISTRY_FIRST: Attempts = &[false, true];
const HERE_ONLY: Attempts = &[true];

impl Repair<'_> {
    /// The text of the lock that is whole.
    pub(crate) fn run(&self, prefer: Prefer) -> Result<String> {
        let text = |repaired: Repaired| repaired.map(|(text, _)| text);
        let first = self.cargo(prefer, HERE_FIRST);
        if prefer == Prefer::Higher || is_interrupted(&first) || self.is_tested(&first) {
            return text(first);
        }
        // One of the owner's versions does not do, and the render's was tested. Where nobody has chosen versions yet, the
        // others' crates come as they are today, not as they happen to be on this machine.
        let is_new = self.owners.packages.is_empty();
        let second = self.cargo(Prefer::Higher, if is_new { REGISTRY_FIRST } else { HERE_FIRST });
        let is_better = is_new || first.is_err() || is_interrupted(&second) || self.is_tested(&second);
        text(if is_better { second } else { first })
    }

    /// Whether each version is one that the owner has or that the render was tested with.
    fn is_tested(&self, repaired: &Repaired) -> bool {
        let is_known = |package: &Locked| {
            let is_it = |other: &Locked| other.name == package.name && other.version == package.version;
            package.source.is_none() || self.owners.packages.iter().chain(&self.render.packages).any(is_it)
        };
        repaired.as_ref().is_ok_and(|(_, lock)| lock.packages.iter().all(is_known))
    }

    fn cargo(&self, prefer: Prefer, attempts: Attempts) -> Repaired {
        let seed = seed(self.owners, self.render, prefer).print();
        let mut trouble = String::new();
        for offline in if self.offline { HERE_ONLY } else { attempts } {
            fs::write(self.file, &seed).map_err(|error| disk::failed(self.file, &error))?;
            match self.update(*offline)? {
                None => return self.read(),
                // What the registry says tells more than that it was not asked.
                Some(said) if !*offline || trouble.is_empty() => trouble = said,
                Some(_) => {}
            }
        }
        let error =
            Error::missing("cargo cannot bring Cargo.lock up to date; nothing was changed").cause(trouble);
        Err(match self.offline {
            true => error.help("the registry's entries are not on this machine: leave out --offline"),
            false => error.help("if the registry cannot be reached, try again later"),
        })
    }

    /// What cargo says where it fails.
    fn update(&self, offline: bool) -> Result<Option<String>> {
        let mut command = cargo::command(self.project, "update");
        command.args(["--workspace", "--quiet"]).env("CARGO_TERM_COLOR", "never");
        if offline {
            command.arg("--offline");
        }
        let mut said = Vec::new();
        let status = process::run(command, self.interrupt, |line| said.push(line.to_owned()));
        let status = status.map_err(|error| match error.status {
            Status::Interrupted => error,
            _ => missing(error.cause.unwrap_or_default()),
        })?;
        Ok((!status.success()).then(|| said.join("\n").trim().trim_start_matches("error: ").to_owned()))
    }

    fn read(&self) -> Repaired {
        let text = fs::read_to_string(self.file).map_err(|error| disk::failed(self.file, &error))?;
        let lock = CargoLock::parse(&text)
            .map_err(|cause| Error::failed("cargo wrote a lock file that does not read").cause(cause))?;
        Ok((text, lock))
    }
}

fn is_interrupted(repaired: &Repaired) -> bool {
    repaired.as_ref().is_err_and(|error| error.status == Status::Interrupted)
}

/// What somebody's lock says.
pub(crate) fn parse(file: &Path, text: &str) -> Result<CargoLock> {
    CargoLock::parse(text).map_err(|cause| {
        Error::usage("this lock file does not read")
            .at(file, None)
            .cause(cause)
            .help("make it anew and commit it: cargo generate-lockfile")
    })
}

pub(crate) fn missing(cause: impl std::fmt::Display) -> Error {
    Error::missing("cargo does not start: it repairs Cargo.lock")
        .cause(cause)
        .help("install Rust: https://rustup.rs")
}
