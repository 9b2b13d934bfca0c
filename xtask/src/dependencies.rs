//! `dependencies/Cargo.toml`: every crate that a generated project may depend on.

use std::{collections::BTreeMap, fs, path::Path};

use formwork::{
    catalog::Catalog,
    error::{Error, Result},
    lock::{CargoLock, Direct},
    toml_file,
};
use semver::Version;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest {
    #[serde(default)]
    dependencies: BTreeMap<String, Requirement>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Requirement>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Requirement {
    Version(String),
    Table(Table),
}

/// No renames, git or path sources: each would need its own rule for printing the lock.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    version: String,
    #[serde(default = "yes")]
    default_features: bool,
    #[serde(default)]
    features: Vec<String>,
}

fn yes() -> bool {
    true
}

/// What the manifest at `file` says of each crate, with the version that `lock` has for it.
pub(crate) fn read(file: &Path, lock: &CargoLock) -> Result<BTreeMap<String, Direct>> {
    let text =
        fs::read_to_string(file).map_err(|error| Error::usage("cannot read").at(file, None).cause(error))?;
    let manifest: Manifest = toml_file::parse(file, &text)?;
    let all = manifest.dependencies.into_iter().chain(manifest.dev_dependencies);
    all.map(|(name, requirement)| {
        let table = match requirement {
            Requirement::Version(version) => Table { version, default_features: true, features: Vec::new() },
            Requirement::Table(table) => table,
        };
        let locked = locked_version(lock, &name).ok_or_else(|| {
            Error::failed(format!("the lock has no version of `{name}` for the manifest itself"))
                .at(file, None)
        })?;
        let Table { version, default_features, features } = table;
        let direct = Direct {
            version,
            default_features,
            features,
            registry: None,
            git: None,
            reference: None,
            locked,
        };
        Ok((name, direct))
    })
    .collect()
}

fn locked_version(lock: &CargoLock, name: &str) -> Option<Version> {
    let root = lock.packages.iter().find(|package| package.source.is_none())?;
    let edges = root.dependencies.iter().filter_map(|at| lock.packages.get(*at));
    edges.into_iter().find(|package| package.name == name).map(|package| package.version.clone())
}

/// A feature that a part claims must stand in the manifest too, or ordinary tools would not lock what it brings.
pub(crate) fn check_features(
    catalog: &Catalog,
    direct: &BTreeMap<String, Direct>,
    file: &Path,
) -> Result<()> {
    for (name, claimed) in catalog.option_features() {
        let Some(direct) = direct.get(name) else {
            return Err(Error::usage(format!("a part uses `{name}`, which is not there")).at(file, None));
        };
        let missing: Vec<_> =
            claimed.into_iter().filter(|feature| !direct.features.iter().any(|f| f == feature)).collect();
        if !missing.is_empty() {
            return Err(Error::usage(format!("a part claims features of `{name}` that are not listed"))
                .at(file, None)
                .help(format!("add them to its features: {}", missing.join(", "))));
        }
    }
    Ok(())
}

/// Crates that no part uses.
pub(crate) fn unused<'a>(catalog: &Catalog, direct: &'a BTreeMap<String, Direct>) -> Vec<&'a str> {
    let used = catalog.option_features();
    direct.keys().map(String::as_str).filter(|name| !used.contains_key(name)).collect()
}
