//! Locks made with cargo's own resolver, when formwork or a preset is developed. Rendering never comes here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use semver::Version;

use crate::{
    catalog::{Catalog, Part},
    error::{Error, Result},
    lock::{CargoLock, Direct, Edge, Locked, Package, PartSet},
    render::{Line, Lines},
};

/// The lock of a project with these parts.
pub fn lock_of(
    catalog: &Catalog,
    parts: &[&Part],
    direct: &BTreeMap<String, Direct>,
    folder: &Path,
    master: &str,
) -> Result<String> {
    let lines = Lines::of(catalog, parts, direct)?;
    resolve(folder, &manifest(&lines), master)
}

/// A package that depends on just these.
pub fn manifest(lines: &Lines) -> String {
    let list = |lines: &[Line]| lines.iter().map(|line| format!("{}\n", line.toml)).collect::<String>();
    format!(
        "[package]\nname = \"formwork-dependencies\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [workspace]\n\n[dependencies]\n{}\n[dev-dependencies]\n{}",
        list(&lines.dependencies),
        list(&lines.dev_dependencies)
    )
}

/// What cargo makes of `lock` for `manifest`: it drops what is not needed and keeps the versions.
pub fn resolve(folder: &Path, manifest: &str, lock: &str) -> Result<String> {
    let source = folder.join("src/lib.rs");
    fs::create_dir_all(folder.join("src")).map_err(|error| io(folder, error))?;
    for (file, text) in [("Cargo.toml", manifest), ("Cargo.lock", lock), ("src/lib.rs", "")] {
        fs::write(folder.join(file), text).map_err(|error| io(&source, error))?;
    }
    let update = |arguments: &[&str]| {
        duct::cmd("cargo", [&["update", "--workspace", "--quiet"], arguments].concat())
            .dir(folder)
            .stderr_capture()
            .unchecked()
            .run()
            .map_err(|error| Error::missing("cargo does not start").cause(error))
    };
    // The network is asked only for crates that the lock does not have yet.
    let mut output = update(&["--offline"])?;
    if !output.status.success() {
        output = update(&[])?;
    }
    match output.status.success() {
        true => fs::read_to_string(folder.join("Cargo.lock")).map_err(|error| io(folder, error)),
        false => Err(Error::failed("cargo cannot resolve").cause(String::from_utf8_lossy(&output.stderr))),
    }
}

type Key = (String, Version);

/// Who needs what, over all parts seen.
#[derive(Default)]
pub struct Needs {
    packages: BTreeMap<Key, PartSet>,
    edges: BTreeMap<(Key, Key), PartSet>,
}

impl Needs {
    pub fn add(&mut self, lock: &CargoLock, part: PartSet) {
        for package in lock.packages.iter().filter(|package| package.source.is_some()) {
            let set = self.packages.entry(key(package)).or_default();
            *set = set.with(part);
            for to in &package.dependencies {
                let edge = (key(package), key(&lock.packages[*to]));
                let set = self.edges.entry(edge).or_default();
                *set = set.with(part);
            }
        }
    }

    /// The packages of `lock` that some part needs, in cargo's order.
    pub fn packages(&self, lock: &CargoLock) -> Vec<Package> {
        let order: BTreeSet<&Key> = self.packages.keys().collect();
        let place: BTreeMap<&Key, usize> = order.into_iter().enumerate().map(|(at, key)| (key, at)).collect();
        let packages = self.packages.iter().filter_map(|(of, set)| {
            let locked = lock.packages.iter().find(|package| key(package) == *of)?;
            let edges = self.edges.iter().filter(|((from, _), _)| from == of);
            let edge = |((_, to), set): (&(Key, Key), &PartSet)| {
                Some(Edge { to: *place.get(to)?, needed_by: set.reduced() })
            };
            Some(Package {
                name: locked.name.clone(),
                version: locked.version.clone(),
                source: locked.source.clone()?,
                checksum: locked.checksum.clone(),
                needed_by: set.reduced(),
                edges: edges.filter_map(edge).collect(),
            })
        });
        packages.collect()
    }
}

fn key(package: &Locked) -> Key {
    (package.name.clone(), package.version.clone())
}

fn io(file: &Path, error: io::Error) -> Error {
    Error::failed("cannot read or write").at(file, None).cause(error)
}
