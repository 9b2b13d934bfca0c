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
    /// The name of a registry that is not crates.io, as the project's cargo knows it.
    pub registry: Option<String>,
    /// A repository; then `reference` is `tag = "v1"` or the like, if anything.
    pub git: Option<String>,
    pub reference: Option<String>,
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
    /// Of a preset's lock: the version of formwork that made it.
    #[serde(default, rename = "formwork")]
    _formwork: Option<String>,
    /// Of a preset's lock: not about crates.
    #[serde(default, rename = "replaces")]
    _replaces: BTreeMap<String, String>,
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

    /// Adds what the parts of a preset need; the message says why that does not fit.
    pub fn join(&mut self, other: &Self) -> Result<(), String> {
        self.parts.add(other.parts.ids()).ok_or("there are too many parts")?;
        for (name, direct) in &other.direct {
            match self.direct.get(name) {
                Some(ours) if ours != direct => {
                    return Err(format!("formwork has `{name}` {} by now", ours.version));
                }
                _ => self.direct.insert(name.clone(), direct.clone()),
            };
        }
        let places = other.packages.iter().map(|package| self.place(package, other));
        let places = places.collect::<Result<Vec<usize>, String>>()?;
        for (package, at) in other.packages.iter().zip(&places) {
            let needed_by = self.parts.translated(package.needed_by, &other.parts);
            let ours = &mut self.packages[*at];
            ours.needed_by = ours.needed_by.with(needed_by).reduced();
            for edge in &package.edges {
                let needed_by = self.parts.translated(edge.needed_by, &other.parts);
                let to = places[edge.to];
                match ours.edges.iter_mut().find(|ours| ours.to == to) {
                    Some(edge) => edge.needed_by = edge.needed_by.with(needed_by).reduced(),
                    None => ours.edges.push(Edge { to, needed_by }),
                }
            }
        }
        Ok(())
    }

    /// Where `package` of `other` stands here; a new place if it is new.
    fn place(&mut self, package: &Package, other: &Self) -> Result<usize, String> {
        let is_same = |ours: &Package| {
            ours.name == package.name && ours.version == package.version && ours.source == package.source
        };
        if let Some(at) = self.packages.iter().position(is_same) {
            return Ok(at);
        }
        // Of compatible versions cargo takes one, so a project's lock cannot hold both.
        let rival = self.packages.iter().find(|ours| {
            ours.name == package.name
                && ours.source == package.source
                && line_of_releases(&ours.version) == line_of_releases(&package.version)
        });
        if let Some(ours) = rival {
            return Err(format!("formwork has `{}` {} by now", ours.name, ours.version));
        }
        if package.needed_by == PartSet::BASE {
            return Err(format!("formwork has no `{}` {} any more", package.name, package.version));
        }
        let needed_by = self.parts.translated(package.needed_by, &other.parts);
        self.packages.push(Package { needed_by, edges: Vec::new(), ..package.clone() });
        Ok(self.packages.len() - 1)
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
        format!("{HEADER}{}", self.print_tables())
    }

    /// The same without the comment at its top.
    pub fn print_tables(&self) -> String {
        let mut text = String::from("parts = [\n");
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
            let places =
                [("registry", &direct.registry), ("git", &direct.git), ("reference", &direct.reference)];
            for (key, value) in places {
                if let Some(value) = value {
                    let _ = writeln!(text, "{key} = {value:?}");
                }
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

/// What cargo takes one version of.
fn line_of_releases(version: &Version) -> (u64, u64, u64) {
    match version {
        Version { major: 0, minor: 0, patch, .. } => (0, 0, *patch),
        Version { major: 0, minor, .. } => (0, *minor, 0),
        Version { major, .. } => (*major, 0, 0),
    }
}

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

    const OWN: &str = r#"
formwork = "0.1.0"
parts = ["base", "preset/acme"]
[direct.acme]
version = "2"
git = "https://git.example.org/acme"
reference = "tag = \"v2\""
locked = "2.1.0"
[[package]]
name = "acme"
version = "2.1.0"
source = "git+https://git.example.org/acme?tag=v2#0123"
needed-by = ["preset/acme"]
dependencies = ["sql 1.2.0"]
[[package]]
name = "net"
version = "0.1.0"
needed-by = ["preset/acme"]
[[package]]
name = "sql"
version = "1.2.0"
dependencies = ["net 0.1.0 for preset/acme"]
[replaces]
"Dockerfile" = "sha256:00"
"#;

    fn join(own: &str) -> Result<Master, String> {
        let mut master = master();
        master.join(&Master::parse(Path::new("acme.lock.toml"), own).unwrap())?;
        Ok(master)
    }

    #[test]
    fn a_presets_lock_adds_packages_edges_and_parts() {
        let joined = join(OWN).unwrap();
        let outline = |parts: &[&str]| {
            let chosen =
                parts.iter().fold(PartSet::BASE, |set, part| set.with(joined.parts.one(part).unwrap()));
            let lock = joined.select("app", chosen, &["sql", "acme"].into());
            let edges = |package: &Locked| {
                let names = package.dependencies.iter().map(|at| lock.packages[*at].name.clone());
                format!("{}:{}", package.name, names.collect::<Vec<_>>().join(","))
            };
            let mut all: Vec<_> = lock.packages.iter().map(edges).collect();
            all.sort();
            all
        };
        assert_eq!(outline(&[]), ["app:sql", "sql:"]);
        assert_eq!(outline(&["preset/acme"]), ["acme:sql", "app:sql,acme", "net:", "sql:net"]);
        assert_eq!(Master::parse(Path::new("lock.toml"), &joined.print()).unwrap(), joined);
    }

    #[test]
    fn a_presets_lock_of_other_times_is_refused() {
        for (wrong, message) in [
            (OWN.replace("1.2.0", "1.1.9"), "formwork has `sql` 1.2.0 by now"),
            (OWN.replace("\"sql\"", "\"sequel\"").replace("sql 1", "sequel 1"), "no `sequel` 1.2.0 any more"),
            (OWN.replace("[direct.acme]", "[direct.ram]"), "formwork has `ram` 0.3 by now"),
        ] {
            let problem = join(&wrong).unwrap_err();
            assert!(problem.contains(message), "{problem}");
        }
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
