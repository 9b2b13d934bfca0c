//! `templates/lock.toml`: the lock of all parts together, and the lines that crates get in a manifest.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    path::Path,
};

use semver::Version;
use serde::Deserialize;

use super::{
    cargo_lock::{CRATES_IO, CargoLock, Locked},
    parts::{PartSet, Parts},
};
use crate::{
    error::{Error, Result},
    toml_file,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Master {
    pub parts: Parts,
    /// The crates that parts may name, sorted.
    pub direct: BTreeMap<String, Direct>,
    pub packages: Vec<Package>,
}

/// A crate that parts may depend on: what `dependencies/Cargo.toml` says of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Direct {
    pub version: String,
    #[serde(default = "yes")]
    pub default_features: bool,
    #[serde(default)]
    pub features: Vec<String>,
    /// The version that the master lock has for it.
    pub locked: Version,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: Version,
    pub source: String,
    pub checksum: Option<String>,
    pub needed_by: PartSet,
    pub edges: Vec<Edge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// An index into the master's packages.
    pub to: usize,
    pub needed_by: PartSet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MasterFile {
    parts: Vec<String>,
    #[serde(default)]
    direct: BTreeMap<String, Direct>,
    #[serde(default)]
    package: Vec<PackageEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PackageEntry {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    needed_by: Option<Vec<String>>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Master {
    pub fn parse(file: &Path, text: &str) -> Result<Self> {
        let parsed: MasterFile = toml_file::parse(file, text)?;
        let broken = |message: String| {
            Error::failed(message).at(file, None).help("this file is generated: cargo xtask lock")
        };
        let parts = Parts::new(parsed.parts).ok_or_else(|| broken("there are too many parts".into()))?;
        let reader = Reader::new(&parts, &parsed.package);
        let packages =
            parsed.package.iter().map(|entry| reader.package(entry)).collect::<Result<_, String>>();
        Ok(Self { packages: packages.map_err(broken)?, direct: parsed.direct, parts })
    }

    /// The lock of a project called `name` that takes the parts of `chosen` and depends on `direct`.
    pub fn select(&self, name: &str, chosen: PartSet, direct: &BTreeSet<&str>) -> CargoLock {
        let taken: Vec<usize> =
            (0..self.packages.len()).filter(|at| self.packages[*at].needed_by.meets(chosen)).collect();
        let place: HashMap<usize, usize> = taken.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        let mut packages: Vec<Locked> = taken.iter().map(|at| self.locked(*at, chosen, &place)).collect();
        let is_direct = |package: &Locked| {
            direct.contains(package.name.as_str())
                && self.direct.get(&package.name).is_some_and(|direct| direct.locked == package.version)
        };
        let dependencies = (0..packages.len()).filter(|at| is_direct(&packages[*at])).collect();
        packages.push(Locked {
            name: name.to_owned(),
            version: Version::new(0, 1, 0),
            source: None,
            checksum: None,
            dependencies,
        });
        CargoLock { packages }
    }

    fn locked(&self, at: usize, chosen: PartSet, place: &HashMap<usize, usize>) -> Locked {
        let package = &self.packages[at];
        let edges = package.edges.iter().filter(|edge| edge.needed_by.meets(chosen));
        Locked {
            name: package.name.clone(),
            version: package.version.clone(),
            source: Some(package.source.clone()),
            checksum: package.checksum.clone(),
            dependencies: edges.filter_map(|edge| place.get(&edge.to).copied()).collect(),
        }
    }

    /// The file's text; `parse` reads it back.
    pub fn print(&self) -> String {
        let mut text = String::from(HEADER);
        let _ = writeln!(text, "parts = [");
        for id in self.parts.ids() {
            let _ = writeln!(text, "  \"{id}\",");
        }
        text.push_str("]\n");
        for (name, direct) in &self.direct {
            let _ = write!(text, "\n[direct.{name}]\nversion = \"{}\"\n", direct.version);
            if !direct.default_features {
                text.push_str("default-features = false\n");
            }
            if !direct.features.is_empty() {
                let _ = writeln!(text, "features = {:?}", direct.features);
            }
            let _ = writeln!(text, "locked = \"{}\"", direct.locked);
        }
        for package in &self.packages {
            self.print_package(&mut text, package);
        }
        text
    }

    fn print_package(&self, text: &mut String, package: &Package) {
        let _ =
            write!(text, "\n[[package]]\nname = \"{}\"\nversion = \"{}\"\n", package.name, package.version);
        if package.source != CRATES_IO {
            let _ = writeln!(text, "source = \"{}\"", package.source);
        }
        if let Some(checksum) = &package.checksum {
            let _ = writeln!(text, "checksum = \"{checksum}\"");
        }
        if package.needed_by != PartSet::BASE {
            let names: Vec<_> = self.parts.names(package.needed_by).collect();
            let _ = writeln!(text, "needed-by = {names:?}");
        }
        if package.edges.is_empty() {
            return;
        }
        text.push_str("dependencies = [\n");
        for edge in &package.edges {
            let to = &self.packages[edge.to];
            let _ = write!(text, "  \"{} {}", to.name, to.version);
            if edge.needed_by != package.needed_by {
                let names: Vec<_> = self.parts.names(edge.needed_by).collect();
                let _ = write!(text, " for {}", names.join(" "));
            }
            text.push_str("\",\n");
        }
        text.push_str("]\n");
    }
}

const HEADER: &str = "\
# Generated by `cargo xtask lock` from dependencies/Cargo.toml, its lock and the parts' manifests.
# `direct` is what a crate's line in a generated Cargo.toml says. A package is in a project's lock when one
# of the parts that need it is; without `needed-by` that is the base, so always. An edge without `for` is
# there whenever its package is.
";

struct Reader<'a> {
    parts: &'a Parts,
    places: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Reader<'a> {
    fn new(parts: &'a Parts, entries: &'a [PackageEntry]) -> Self {
        let key = |entry: &'a PackageEntry| (entry.name.as_str(), entry.version.as_str());
        Self { parts, places: entries.iter().enumerate().map(|(at, entry)| (key(entry), at)).collect() }
    }

    fn package(&self, entry: &PackageEntry) -> Result<Package, String> {
        let needed_by = match &entry.needed_by {
            Some(names) => self.set(names.iter().map(String::as_str))?,
            None => PartSet::BASE,
        };
        let edges = entry.dependencies.iter().map(|edge| self.edge(edge, needed_by));
        Ok(Package {
            name: entry.name.clone(),
            version: Version::parse(&entry.version).map_err(|error| format!("{}: {error}", entry.name))?,
            source: entry.source.clone().unwrap_or_else(|| CRATES_IO.to_owned()),
            checksum: entry.checksum.clone(),
            needed_by,
            edges: edges.collect::<Result<_, _>>()?,
        })
    }

    fn edge(&self, text: &str, of_package: PartSet) -> Result<Edge, String> {
        let (key, parts) = text.split_once(" for ").map_or((text, None), |(key, parts)| (key, Some(parts)));
        let to = key.split_once(' ').and_then(|key| self.places.get(&key).copied());
        let needed_by = match parts {
            Some(parts) => self.set(parts.split(' '))?,
            None => of_package,
        };
        Ok(Edge { to: to.ok_or_else(|| format!("no package for `{key}`"))?, needed_by })
    }

    fn set<'b>(&self, names: impl Iterator<Item = &'b str>) -> Result<PartSet, String> {
        names.into_iter().try_fold(PartSet::default(), |set, name| {
            let one = self.parts.one(name).ok_or_else(|| format!("no part is called `{name}`"))?;
            Ok(set.with(one))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
parts = ["base", "store/disk", "cache/ram"]
[direct.sql]
version = "1"
default-features = false
features = ["core", "disk"]
locked = "1.2.0"
[direct.ram]
version = "0.3"
locked = "0.3.1"
[[package]]
name = "disk"
version = "2.0.0"
needed-by = ["store/disk"]
[[package]]
name = "ram"
version = "0.3.1"
needed-by = ["cache/ram"]
dependencies = ["sql 1.2.0"]
[[package]]
name = "sql"
version = "1.2.0"
dependencies = ["disk 2.0.0 for store/disk"]
"#;

    fn master() -> Master {
        Master::parse(Path::new("lock.toml"), TEXT).unwrap()
    }

    fn names(parts: &[&str], direct: &[&str]) -> Vec<String> {
        let master = master();
        let chosen = parts.iter().fold(PartSet::BASE, |set, part| set.with(master.parts.one(part).unwrap()));
        let lock = master.select("app", chosen, &direct.iter().copied().collect());
        let name_of = |package: &Locked| {
            let edges: Vec<_> = package.dependencies.iter().map(|at| &*lock.packages[*at].name).collect();
            format!("{}:{}", package.name, edges.join(","))
        };
        lock.packages.iter().map(name_of).collect()
    }

    #[test]
    fn packages_and_edges_follow_the_parts_that_need_them() {
        assert_eq!(names(&[], &["sql"]), ["sql:", "app:sql"]);
        assert_eq!(names(&["store/disk"], &["sql"]), ["disk:", "sql:disk", "app:sql"]);
        assert_eq!(names(&["cache/ram"], &["sql", "ram"]), ["ram:sql", "sql:", "app:ram,sql"]);
    }

    #[test]
    fn what_is_printed_is_read_back() {
        assert_eq!(Master::parse(Path::new("lock.toml"), &master().print()).unwrap(), master());
    }

    #[test]
    fn unknown_parts_and_packages_are_errors() {
        for (wrong, message) in [
            (TEXT.replace("\"store/disk\"]", "\"store/disc\"]"), "no part is called `store/disc`"),
            (TEXT.replace("[\"sql 1.2.0\"]", "[\"sql 1.3.0\"]"), "no package for `sql 1.3.0`"),
        ] {
            assert_eq!(Master::parse(Path::new("lock.toml"), &wrong).unwrap_err().message, message);
        }
    }
}
