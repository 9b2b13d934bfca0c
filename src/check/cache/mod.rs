//! Compiled registry crates, kept for the user's next project.
//!
//! A cache folder belongs to one compiler and one set of flags and profiles ([`key`]); in it, a compiled unit
//! is one folder that appears whole, by a rename ([`store`]). Seeding copies the units of the crates that a
//! project's `Cargo.lock` names into its target folder ([`copy`]). Cargo itself decides whether a unit
//! fits: its fingerprint is copied with it, so a wrong guess costs a compilation, never a wrong program.

pub mod copy;
pub mod key;
pub mod lock;
pub mod lockfile;
pub mod store;

use std::{collections::BTreeSet, path::Path};

pub use self::store::{Summary, clear, summary};
use self::{copy::Layout, lock::Access, lockfile::RegistryPackage, store::Store};
use super::{
    messages::{Artifact, Compiled},
    project::Project,
};
use crate::{
    error::{Error, Result, Status},
    interrupt::Interrupt,
};

/// The user's cache as one check uses it. It is a help, not a need: what goes wrong in it is a note.
pub struct CrateCache<'a> {
    project: &'a Project,
    interrupt: &'a Interrupt,
    store: Option<Store>,
    looked: bool,
    /// Units copied into the project's target folder.
    pub seeded: usize,
    pub notes: Vec<String>,
}

impl<'a> CrateCache<'a> {
    pub fn open(project: &'a Project, interrupt: &'a Interrupt) -> Self {
        let mut notes = Vec::new();
        let store = Store::open(&key::key(project)).unwrap_or_else(|error| {
            notes.push(not_used(&error));
            None
        });
        Self { project, interrupt, store, looked: false, seeded: 0, notes }
    }

    /// Copies what the project's lock file names and its target folder lacks. Once a check is enough.
    pub fn seed(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.looked, true) {
            return Ok(());
        }
        let Some(store) = &self.store else { return Ok(()) };
        let packages = lockfile::registry_packages(&self.project.workspace);
        let result = seed(store, &packages, &Layout::of(self.project), self.interrupt);
        self.seeded = self.note(result)?.unwrap_or(0);
        Ok(())
    }

    /// Keeps what a green build compiled.
    pub fn harvest(&mut self, compiled: &Compiled) -> Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let result = harvest(store, compiled, &Layout::of(self.project), self.interrupt);
        self.note(result)?;
        Ok(())
    }

    fn note<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.status == Status::Interrupted => Err(error),
            Err(error) => {
                self.notes.push(not_used(&error));
                self.store = None;
                Ok(None)
            }
        }
    }
}

/// Whether the cache has more than half of the crates that the project's lock file names; what is left is mostly
/// for other platforms. False where there is no cache to look into.
pub fn knows_most(project: &Path) -> Result<bool> {
    let project = Project::load(project)?;
    let Ok(Some(store)) = Store::open(&key::key(&project)) else { return Ok(false) };
    let packages = lockfile::registry_packages(&project.workspace);
    let is_known = |package: &&RegistryPackage| store.units(package).is_ok_and(|units| !units.is_empty());
    Ok(packages.iter().filter(is_known).count() * 2 > packages.len())
}

fn not_used(error: &Error) -> String {
    format!("the cache of compiled crates was not used: {error}")
}

fn seed(
    store: &Store,
    packages: &[RegistryPackage],
    target: &Layout,
    interrupt: &Interrupt,
) -> Result<usize> {
    let _cache = store.lock(Access::Shared, interrupt)?;
    let mut units = Vec::new();
    for package in packages {
        units.extend(store.units(package)?.into_iter().filter(|unit| !target.has(&unit.package, &unit.hash)));
    }
    if units.is_empty() {
        return Ok(0);
    }
    target.prepare()?;
    let _target = target.lock(interrupt)?;
    copy::in_parallel(&units, interrupt, |unit| {
        store.touch(unit);
        target.take(unit)
    })
}

fn harvest(store: &Store, compiled: &Compiled, target: &Layout, interrupt: &Interrupt) -> Result<usize> {
    let recompiled: BTreeSet<_> = compiled
        .artifacts
        .iter()
        .filter(|artifact| !artifact.fresh)
        .map(|artifact| &artifact.package)
        .collect();
    // A unit that was compiled again although it was cached is newer than what the cache has: its
    // dependents would find the cached one stale, so it takes that one's place.
    let wanted = |artifact: &&Artifact| {
        let Some(hash) = &artifact.unit else { return false };
        artifact.package.from_registry
            && target.has(&artifact.package.name, hash)
            && (recompiled.contains(&artifact.package) || !store.has(&artifact.package, hash))
    };
    let new: Vec<&Artifact> = compiled.artifacts.iter().filter(wanted).collect();
    if new.is_empty() {
        return Ok(0);
    }
    let _cache = store.lock(Access::Exclusive, interrupt)?;
    let _target = target.lock(interrupt)?;
    // Two builds of a crate are not always equal. What stands upon one goes with that one only, so that a project whose
    // crates were compiled elsewhere gives nothing to those that are here.
    let is_foreign = |artifact: &Artifact| {
        artifact.package.from_registry
            && !recompiled.contains(&artifact.package)
            && artifact.unit.as_ref().is_some_and(|hash| store.has_another(&artifact.package, hash, target))
    };
    if compiled.artifacts.iter().any(is_foreign) {
        return Ok(0);
    }
    store.sweep()?;
    let kept = copy::in_parallel(&new, interrupt, |artifact| match &artifact.unit {
        Some(hash) => store.keep(&artifact.package, hash, target),
        None => Ok(()),
    })?;
    store.shrink()?;
    Ok(kept)
}
