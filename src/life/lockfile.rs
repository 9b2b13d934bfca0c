//! The owner's `Cargo.lock` is never merged: cargo repairs it, from what the owner has and what the new render brings.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use semver::Version;

use super::repository::{Item, Items, Repository};
use crate::{
    check::cargo,
    error::{Error, Result},
    lock::{CargoLock, Locked},
    project::disk,
    render::LOCK,
};

const MANIFEST: &str = "Cargo.toml";

/// Which of two versions that could stand in for each other a lock starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefer {
    /// The owner's, as long as it will do: another option is no reason to move a crate.
    Owners,
    /// The higher: newer templates were tested with what they bring.
    Higher,
}

pub(super) struct Repair<'a> {
    pub(super) repository: &'a Repository,
    /// All files of the merged tree, by their path in the repository.
    pub(super) merged: &'a Items,
    pub(super) render: &'a CargoLock,
    pub(super) prefer: Prefer,
    pub(super) offline: bool,
    /// Whether the manifests say something new, or the render's versions alone decide.
    pub(super) has_new_manifest: bool,
    /// Whether cargo can read the manifest at all: not while it has a conflict.
    pub(super) is_readable: bool,
}

impl Repair<'_> {
    /// The lock's path in the repository and its text; nothing where it stays as it is.
    pub(super) fn run(&self) -> Result<Option<(String, String)>> {
        if !self.is_readable {
            return self.seed_for_later();
        }
        if !self.has_new_manifest && self.has_nothing_new()? {
            return Ok(None);
        }
        let work = self.repository.scratch.path().join("lock");
        let project = work.join(&self.repository.prefix);
        self.lay_out(&work)?;
        let Some(root) = workspace_root(&work, &project)? else { return Ok(None) };
        let path = format!("{root}{LOCK}");
        let Some(owners) = self.lock(&path)? else { return Ok(None) };
        let text = |lock: &CargoLock| lock.print();
        let mut seed = seed(&owners, self.render, self.prefer);
        if !self.has_new_manifest && seed == owners {
            return Ok(None);
        }
        let file = work.join(&path);
        let mut repaired = self.cargo(&project, &file, &text(&seed));
        let is_known = |package: &Locked| {
            let is_it = |other: &Locked| other.name == package.name && other.version == package.version;
            package.source.is_none() || owners.packages.iter().chain(&self.render.packages).any(is_it)
        };
        let is_tested = |lock: &CargoLock| lock.packages.iter().all(is_known);
        if self.prefer == Prefer::Owners && !repaired.as_ref().is_ok_and(|(_, lock)| is_tested(lock)) {
            // One of the owner's versions does not do; the render's was tested.
            seed = self::seed(&owners, self.render, Prefer::Higher);
            repaired = self.cargo(&project, &file, &text(&seed));
        }
        let (text, _) = repaired?;
        Ok(Some((path, text)))
    }

    /// Whether the project has a lock of its own, and the render's has nothing for it.
    fn has_nothing_new(&self) -> Result<bool> {
        let own = self.lock(&format!("{}{LOCK}", self.repository.prefix))?;
        Ok(own.map_or(self.prefer == Prefer::Owners, |own| seed(&own, self.render, self.prefer) == own))
    }

    /// With a conflict in the manifest the lock starts from all that both sides have; cargo drops what is not needed
    /// when it is next called.
    fn seed_for_later(&self) -> Result<Option<(String, String)>> {
        let path = format!("{}{LOCK}", self.repository.prefix);
        let Some(owners) = self.lock(&path)? else { return Ok(None) };
        Ok(Some((path, seed(&owners, self.render, self.prefer).print())))
    }

    fn lock(&self, path: &str) -> Result<Option<CargoLock>> {
        let Some(item) = self.merged.get(path) else { return Ok(None) };
        let text = self.repository.read_text(&item.blob)?.unwrap_or_default();
        let file = self.repository.on_disk(path);
        let lock = CargoLock::parse(&text);
        lock.map(Some).map_err(|cause| {
            Error::usage("this lock file does not read")
                .at(file, None)
                .cause(cause)
                .help("make it anew and commit it: cargo generate-lockfile")
        })
    }

    /// What cargo looks at when it resolves: manifests, settings, and that sources are there.
    fn lay_out(&self, work: &Path) -> Result<()> {
        for (path, item) in self.merged {
            let name = path.rsplit('/').next().unwrap_or(path);
            let bytes = match name {
                _ if item.mode.starts_with("12") || item.mode.starts_with("16") => continue,
                MANIFEST | LOCK | "config.toml" | "config" | "rust-toolchain.toml" | "rust-toolchain" => {
                    self.repository.read_blob(&item.blob)?
                }
                name if name.ends_with(".rs") => Vec::new(),
                _ => continue,
            };
            let file = work.join(path);
            let folder = file.parent().unwrap_or(work);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&file, bytes))
                .map_err(|error| disk::failed(&file, &error))?;
        }
        Ok(())
    }

    /// The lock that cargo makes of a seed.
    fn cargo(&self, project: &Path, file: &Path, seed: &str) -> Result<(String, CargoLock)> {
        let mut trouble = String::new();
        let networks: &[bool] = if self.offline { &[true] } else { &[true, false] };
        for offline in networks {
            fs::write(file, seed).map_err(|error| disk::failed(file, &error))?;
            let mut command = cargo::command(project, "update");
            command.args(["--workspace", "--quiet"]).env("CARGO_TERM_COLOR", "never");
            if *offline {
                command.arg("--offline");
            }
            let output = command.stdin(Stdio::null()).output().map_err(|error| missing(&error))?;
            if output.status.success() {
                let text = fs::read_to_string(file).map_err(|error| disk::failed(file, &error))?;
                let lock = CargoLock::parse(&text).map_err(|cause| {
                    Error::failed("cargo wrote a lock file that does not read").cause(cause)
                })?;
                return Ok((text, lock));
            }
            trouble = String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ").to_owned();
        }
        let error =
            Error::missing("cargo cannot bring Cargo.lock up to date; nothing was changed").cause(trouble);
        Err(match self.offline {
            true => error.help("the registry's entries are not on this machine: leave out --offline"),
            false => error.help("if the registry cannot be reached, try again later"),
        })
    }
}

fn missing(error: &io::Error) -> Error {
    Error::missing("cargo does not start: it repairs Cargo.lock")
        .cause(error)
        .help("install Rust: https://rustup.rs")
}

/// From the repository's root to the folder of the lock, with a `/` at its end unless it is the root.
fn workspace_root(work: &Path, project: &Path) -> Result<Option<String>> {
    let mut command: Command = cargo::command(project, "locate-project");
    command.args(["--workspace", "--message-format", "plain"]);
    let output = command.stdin(Stdio::null()).output().map_err(|error| missing(&error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ").to_owned();
        return Err(
            Error::failed("cargo does not read the merged Cargo.toml; nothing was changed").cause(said)
        );
    }
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let inside = manifest.parent().and_then(|root| root.strip_prefix(work).ok());
    Ok(inside.map(|root| match root.to_string_lossy() {
        root if root.is_empty() => String::new(),
        root => format!("{root}/"),
    }))
}

/// The owner's packages, and those of the render for which the owner has none that could stand in.
fn seed(owners: &CargoLock, render: &CargoLock, prefer: Prefer) -> CargoLock {
    let mut packages = owners.packages.clone();
    let mut brought = Vec::new();
    let place: Vec<Option<usize>> = (render.packages.iter().enumerate())
        .map(|(number, package)| {
            package.source.as_ref()?;
            let is_kin = |other: &Locked| {
                other.name == package.name
                    && other.source == package.source
                    && series(&other.version) == series(&package.version)
            };
            match packages.iter().position(is_kin) {
                Some(at) if prefer == Prefer::Owners || packages[at].version >= package.version => Some(at),
                Some(at) => {
                    packages[at] = package.clone();
                    brought.push((at, number));
                    Some(at)
                }
                None => {
                    packages.push(package.clone());
                    brought.push((packages.len() - 1, number));
                    Some(packages.len() - 1)
                }
            }
        })
        .collect();
    for (at, number) in brought {
        let edges = render.packages[number].dependencies.iter();
        packages[at].dependencies = edges.filter_map(|edge| place.get(*edge).copied().flatten()).collect();
    }
    CargoLock { packages }
}

/// What cargo takes for compatible.
fn series(version: &Version) -> (u64, u64, u64, &str) {
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch, version.pre.as_str()),
        (0, minor) => (0, minor, 0, version.pre.as_str()),
        (major, _) => (major, 0, 0, version.pre.as_str()),
    }
}

/// The lock as an item of the merged tree.
pub(super) fn item(repository: &Repository, text: &str) -> Result<Item> {
    Ok(Item { mode: "100644".to_owned(), blob: repository.write_blob(text.as_bytes())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn lock(packages: &[(&str, &str, &[usize])]) -> CargoLock {
        let package = |(name, version, edges): &(&str, &str, &[usize])| Locked {
            name: (*name).to_owned(),
            version: Version::parse(version).unwrap(),
            source: (*name != "orders").then(|| REGISTRY.to_owned()),
            checksum: None,
            dependencies: edges.to_vec(),
        };
        CargoLock { packages: packages.iter().map(package).collect() }
    }

    fn seeded(prefer: Prefer) -> Vec<String> {
        let owners = lock(&[("orders", "0.1.0", &[1]), ("wire", "0.3.1", &[]), ("mine", "1.0.0", &[])]);
        let render = lock(&[
            ("net", "2.0.0", &[1]),
            ("wire", "0.3.4", &[2]),
            ("tls", "0.9.0", &[]),
            ("orders", "0.1.0", &[0]),
        ]);
        let seed = seed(&owners, &render, prefer);
        let edges = |package: &Locked| {
            let names = package.dependencies.iter().map(|at| seed.packages[*at].name.clone());
            names.collect::<Vec<_>>().join(",")
        };
        seed.packages
            .iter()
            .map(|package| format!("{} {} {}", package.name, package.version, edges(package)))
            .collect()
    }

    #[test]
    fn the_owners_versions_stay_where_they_will_do() {
        assert_eq!(
            seeded(Prefer::Owners),
            ["orders 0.1.0 wire", "wire 0.3.1 ", "mine 1.0.0 ", "net 2.0.0 wire", "tls 0.9.0 "]
        );
    }

    #[test]
    fn newer_templates_bring_the_versions_that_they_were_tested_with() {
        assert_eq!(
            seeded(Prefer::Higher),
            ["orders 0.1.0 wire", "wire 0.3.4 tls", "mine 1.0.0 ", "net 2.0.0 wire", "tls 0.9.0 "]
        );
    }
}
