//! The crates that a preset's parts bring, resolved once by cargo into the lock beside the preset.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;

use super::Preset;
use crate::{
    catalog::{Catalog, Part},
    error::{Error, Result},
    lock::{CargoLock, Direct, Edge, Locked, Master, Package, PartSet, Parts},
    render::Lines,
    resolver::{Needs, lock_of, manifest, resolve},
    toml_file,
};

/// `Cargo.toml` beside the parts: a real manifest, so that ordinary tools keep its versions.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    dependencies: BTreeMap<String, Requirement>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Requirement {
    Version(String),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    version: String,
    #[serde(default = "yes")]
    default_features: bool,
    #[serde(default)]
    features: Vec<String>,
    registry: Option<String>,
    git: Option<String>,
    branch: Option<String>,
    tag: Option<String>,
    rev: Option<String>,
}

fn yes() -> bool {
    true
}

/// What the preset's own parts need beyond formwork's crates; nothing if they need no crates at all. `before` is the
/// lock that is there: what it has stays at its version.
pub fn lock(preset: &Preset, before: Option<&str>) -> Result<Option<Master>> {
    let (file, _) = &preset.lock;
    let catalog = preset.catalog.without_lock(file);
    let parts: Vec<&Part> = catalog.parts().filter(|part| brings_crates(preset, part)).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let ours = catalog.master_lock()?;
    let mut direct = ours.direct.clone();
    let own = requirements(preset, &ours)?;
    direct.extend(own.iter().map(|(name, own)| (name.clone(), own.clone())));
    expect_known(&parts, &direct)?;
    let folder =
        tempfile::tempdir().map_err(|error| Error::failed("cannot make a temporary folder").cause(error))?;
    let known = known_packages(&ours, before.and_then(|text| Master::parse(file, text).ok()));
    let text = resolve(folder.path(), &manifest(&everything(&catalog, &direct)?), &known.print())?;
    let lock = parse(&text)?;
    let own = own.into_iter().map(|(name, own)| {
        let locked = locked_version(&lock, &name)?;
        Ok((name, Direct { locked, ..own }))
    });
    let own: BTreeMap<String, Direct> = own.collect::<Result<_>>()?;
    direct.extend(own.iter().map(|(name, own)| (name.clone(), own.clone())));
    let ids = std::iter::once("base".to_owned()).chain(parts.iter().map(|part| part.id.clone()));
    let ids = Parts::new(ids.collect()).ok_or_else(|| Error::usage("the preset has too many parts"))?;
    let mut needs = Needs::default();
    needs.add(&parse(&lock_of(&catalog, &[catalog.base()], &direct, folder.path(), &text)?)?, PartSet::BASE);
    for part in &parts {
        let bit = ids.one(&part.id).unwrap_or_default();
        let with_part = [catalog.base(), part];
        needs.add(&parse(&lock_of(&catalog, &with_part, &direct, folder.path(), &text)?)?, bit);
    }
    let packages = beyond_the_base(needs.packages(&lock));
    Ok(Some(Master { parts: ids, direct: own, packages }))
}

fn brings_crates(preset: &Preset, part: &Part) -> bool {
    let uses_some = !part.dependencies.is_empty() || !part.dev_dependencies.is_empty();
    uses_some && preset.parts.contains(&part.id)
}

/// What the manifest beside the parts says of each crate.
fn requirements(preset: &Preset, ours: &Master) -> Result<BTreeMap<String, Direct>> {
    let Some((file, text)) = &preset.manifest else { return Ok(BTreeMap::new()) };
    let parsed: Manifest = toml_file::parse(file, text)?;
    let one = |(name, requirement): (String, Requirement)| {
        if let Some(direct) = ours.direct.get(&name) {
            return Err(Error::usage(format!("formwork has `{name}` {} already", direct.version))
                .at(file, None)
                .help(format!("take the line out; a part names it without a version: {name} = {{}}")));
        }
        Ok((name, requirement.direct()))
    };
    parsed.dependencies.into_iter().map(one).collect()
}

impl Requirement {
    fn direct(self) -> Direct {
        let table = match self {
            Self::Table(table) => table,
            Self::Version(version) => Table {
                version,
                default_features: true,
                features: Vec::new(),
                registry: None,
                git: None,
                branch: None,
                tag: None,
                rev: None,
            },
        };
        let references = [("branch", table.branch), ("tag", table.tag), ("rev", table.rev)];
        let reference = references.into_iter().find_map(|(key, value)| Some(format!("{key} = {:?}", value?)));
        Direct {
            version: table.version,
            default_features: table.default_features,
            features: table.features,
            registry: table.registry,
            git: table.git,
            reference,
            // Not known before cargo has resolved.
            locked: semver::Version::new(0, 0, 0),
        }
    }
}

fn expect_known(parts: &[&Part], direct: &BTreeMap<String, Direct>) -> Result<()> {
    for part in parts {
        let names = part.dependencies.keys().chain(part.dev_dependencies.keys());
        if let Some(name) = names.into_iter().find(|name| !direct.contains_key(*name)) {
            return Err(Error::usage(format!("nothing says which version of `{name}` is meant"))
                .at(&part.manifest, None)
                .help(format!("put it beside the parts, in {}: {name} = \"…\"", super::bring::MANIFEST)));
        }
    }
    Ok(())
}

/// All crates with all features that some part may claim: what every lock is cut from.
fn everything(catalog: &Catalog, direct: &BTreeMap<String, Direct>) -> Result<Lines> {
    let mut all = direct.clone();
    for (name, claimed) in catalog.option_features() {
        if let Some(direct) = all.get_mut(name) {
            let new: Vec<String> = claimed.into_iter().map(str::to_owned).collect();
            direct
                .features
                .extend(new.into_iter().filter(|new| !direct.features.contains(new)).collect::<Vec<_>>());
        }
    }
    Ok(Lines::all(&all))
}

/// The packages of formwork's lock and of the one that was there, for cargo to keep.
fn known_packages(ours: &Master, before: Option<Master>) -> CargoLock {
    let mut all = ours.clone();
    if let Some(before) = before {
        // A lock of other times adds nothing: everything is resolved anew.
        let mut joined = ours.clone();
        if joined.join(&before).is_ok() {
            all = joined;
        }
    }
    let locked = |package: &Package| Locked {
        name: package.name.clone(),
        version: package.version.clone(),
        source: Some(package.source.clone()),
        checksum: package.checksum.clone(),
        dependencies: package.edges.iter().map(|edge| edge.to).collect(),
    };
    CargoLock { packages: all.packages.iter().map(locked).collect() }
}

fn locked_version(lock: &CargoLock, name: &str) -> Result<semver::Version> {
    let root = lock.packages.iter().find(|package| package.source.is_none());
    let edges = root.into_iter().flat_map(|root| &root.dependencies).filter_map(|at| lock.packages.get(*at));
    edges
        .into_iter()
        .find(|package| package.name == name)
        .map(|package| package.version.clone())
        .ok_or_else(|| Error::failed(format!("cargo's lock has no `{name}`")))
}

/// Without what a project has anyway, but for the ends of edges to it.
fn beyond_the_base(packages: Vec<Package>) -> Vec<Package> {
    let is_new = |set: PartSet| set != PartSet::BASE;
    let trimmed: Vec<Package> = packages
        .into_iter()
        .map(|package| {
            let edges = package.edges.iter().copied().filter(|edge| is_new(edge.needed_by)).collect();
            Package { edges, ..package }
        })
        .collect();
    let ends: BTreeSet<usize> =
        trimmed.iter().flat_map(|package| &package.edges).map(|edge| edge.to).collect();
    let kept: Vec<usize> = (0..trimmed.len())
        .filter(|at| is_new(trimmed[*at].needed_by) || !trimmed[*at].edges.is_empty() || ends.contains(at))
        .collect();
    let place: BTreeMap<usize, usize> = kept.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let moved = |old: &usize| {
        let package = trimmed[*old].clone();
        let edge = |edge: &Edge| Some(Edge { to: *place.get(&edge.to)?, ..*edge });
        Package { edges: package.edges.iter().filter_map(edge).collect(), ..package }
    };
    kept.iter().map(moved).collect()
}

fn parse(text: &str) -> Result<CargoLock> {
    CargoLock::parse(text).map_err(|cause| {
        Error::failed("cannot read cargo's lock file").at(Path::new("Cargo.lock"), None).cause(cause)
    })
}
