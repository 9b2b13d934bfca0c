//! `cargo xtask lock`: one annotated lock of all parts, made with cargo's own resolver.
//!
//! Cargo resolves the base with each part alone, from the versions of `dependencies/Cargo.lock`; what it
//! keeps is what that part needs. The union over a plan's parts is then the plan's exact lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use formwork::{
    catalog::{Catalog, Part, Source},
    error::{Error, Result},
    lock::{CargoLock, Direct, Edge, Locked, Master, Package, PartSet, Parts},
    render::{Line, Lines},
};
use semver::Version;

use crate::dependencies;

const TARGET: &str = "templates/lock.toml";
const MANIFEST: &str = "dependencies/Cargo.toml";
const LOCK: &str = "dependencies/Cargo.lock";

pub(crate) fn write(home: &Path) -> Result<()> {
    let made = make(home)?;
    for (file, text) in [(TARGET, made.master), (LOCK, made.lock)] {
        fs::write(home.join(file), text).map_err(|error| io(&home.join(file), error))?;
    }
    Ok(())
}

pub(crate) fn compare(home: &Path) -> Result<()> {
    let made = make(home)?;
    for (file, text) in [(TARGET, made.master), (LOCK, made.lock)] {
        if read(&home.join(file))? != text {
            let error = Error::failed("this lock is not what the manifests need").at(file, None);
            return Err(error.help("cargo xtask lock"));
        }
    }
    Ok(())
}

struct Made {
    master: String,
    /// The lock of `dependencies/Cargo.toml`, with what that lacked.
    lock: String,
}

fn make(home: &Path) -> Result<Made> {
    let catalog = Catalog::load(Source::folder(&home.join("templates"))?)?;
    let manifest = home.join(MANIFEST);
    let folder = tempfile::tempdir().map_err(|error| io(Path::new("a temporary folder"), error))?;
    let text = resolve(folder.path(), &read(&manifest)?, &read(&home.join(LOCK)).unwrap_or_default())?;
    let lock = parse(&text)?;
    let mut direct = dependencies::read(&manifest, &lock)?;
    dependencies::check_features(&catalog, &direct, &manifest)?;
    for name in dependencies::unused(&catalog, &direct) {
        eprintln!("note: no part uses `{name}` of {MANIFEST}");
    }
    direct.retain(|name, _| catalog.option_features().contains_key(name.as_str()));
    let parts = Parts::new(catalog.parts().map(|part| part.id.clone()).collect())
        .ok_or_else(|| Error::failed("there are more parts than a set can hold"))?;
    let mut needs = Needs::default();
    for part in catalog.parts() {
        let bit = parts.one(&part.id).unwrap_or_default();
        needs.add(&parse(&lock_of(&catalog, part, &direct, folder.path(), &text)?)?, bit);
    }
    Ok(Made { master: Master { packages: needs.packages(&lock), parts, direct }.print(), lock: text })
}

/// The lock of the base with one part.
fn lock_of(
    catalog: &Catalog,
    part: &Part,
    direct: &BTreeMap<String, Direct>,
    folder: &Path,
    master: &str,
) -> Result<String> {
    let with_part = [catalog.base(), part];
    let lines = Lines::of(catalog, &with_part, direct)?;
    let list = |lines: &[Line]| lines.iter().map(|line| format!("{}\n", line.toml)).collect::<String>();
    let manifest = format!(
        "[package]\nname = \"formwork-dependencies\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [workspace]\n\n[dependencies]\n{}\n[dev-dependencies]\n{}",
        list(&lines.dependencies),
        list(&lines.dev_dependencies)
    );
    resolve(folder, &manifest, master)
}

/// What cargo makes of `lock` for `manifest`: it drops what is not needed and keeps the versions.
fn resolve(folder: &Path, manifest: &str, lock: &str) -> Result<String> {
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
        true => read(&folder.join("Cargo.lock")),
        false => Err(Error::failed("cargo cannot resolve").cause(String::from_utf8_lossy(&output.stderr))),
    }
}

type Key = (String, Version);

/// Who needs what, over all parts seen.
#[derive(Default)]
struct Needs {
    packages: BTreeMap<Key, PartSet>,
    edges: BTreeMap<(Key, Key), PartSet>,
}

impl Needs {
    fn add(&mut self, lock: &CargoLock, part: PartSet) {
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
    fn packages(&self, lock: &CargoLock) -> Vec<Package> {
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

fn parse(text: &str) -> Result<CargoLock> {
    CargoLock::parse(text).map_err(|cause| Error::failed("cannot read cargo's lock file").cause(cause))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| io(file, error))
}

fn io(file: &Path, error: std::io::Error) -> Error {
    Error::failed("cannot read or write").at(file, None).cause(error)
}
