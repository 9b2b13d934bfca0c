//! The cache on disk: `crates/KEY/NAME-VERSION/HASH/`, one folder a unit, bounded in size.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
    time::SystemTime,
};

use serde::Serialize;
use walkdir::WalkDir;

use super::{
    copy::{self, Layout},
    lock::{self, Access},
    lockfile::RegistryPackage,
};
use crate::{
    check::messages::PackageId,
    error::{Error, Result},
    interrupt::Interrupt,
};

const DEFAULT_MAX: u64 = 5 << 30;
/// Changed when a unit is used: the least recently used ones go first.
const USED: &str = "used";
/// Units under way, and units on their way out.
const TEMPORARY: &str = "tmp";

pub struct Store {
    root: PathBuf,
    /// The folder of this project's key.
    key: PathBuf,
    max: u64,
}

/// One compiled unit in the cache.
#[derive(Debug)]
pub struct Unit {
    pub package: String,
    pub hash: String,
    pub folder: PathBuf,
}

/// What the cache holds.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub path: PathBuf,
    pub bytes: u64,
    pub max_bytes: u64,
    /// Compilers and settings that crates are kept for.
    pub toolchains: usize,
    pub crates: usize,
    pub units: usize,
}

pub fn summary() -> Result<Summary> {
    let root = root()?;
    let units = all_units(&root);
    let parents = |depth: usize| {
        let folders: std::collections::BTreeSet<_> =
            units.iter().filter_map(|unit| unit.folder.ancestors().nth(depth).map(Path::to_owned)).collect();
        folders.len()
    };
    Ok(Summary {
        bytes: units.iter().map(|unit| size(&unit.folder)).sum(),
        max_bytes: max_bytes()?,
        toolchains: parents(2),
        crates: parents(1),
        units: units.len(),
        path: root,
    })
}

/// Removes everything, and says how much that was.
pub fn clear(interrupt: &Interrupt) -> Result<Summary> {
    let summary = summary()?;
    if summary.path.is_dir() {
        let _lock = lock::lock(&summary.path.join("lock"), Access::Exclusive, interrupt)?;
        for entry in fs::read_dir(&summary.path).map_err(|error| broken(&summary.path, error))?.flatten() {
            if entry.path().is_dir() {
                copy::remove_folder(&entry.path()).map_err(|error| broken(&entry.path(), error))?;
            }
        }
    }
    Ok(summary)
}

impl Store {
    /// None when the user has turned the cache off (a maximum of 0).
    pub fn open(key: &str) -> Result<Option<Self>> {
        let (root, max) = (root()?, max_bytes()?);
        if max == 0 {
            return Ok(None);
        }
        fs::create_dir_all(root.join(TEMPORARY)).map_err(|error| broken(&root, error))?;
        Ok(Some(Self { key: root.join(key), root, max }))
    }

    pub fn lock(&self, access: Access, interrupt: &Interrupt) -> Result<File> {
        lock::lock(&self.root.join("lock"), access, interrupt)
    }

    pub fn units(&self, package: &RegistryPackage) -> Result<Vec<Unit>> {
        let folder = self.key.join(format!("{}-{}", package.name, package.version));
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(broken(&folder, error)),
        };
        let unit = |entry: fs::DirEntry| {
            let hash = entry.file_name().into_string().ok()?;
            Some(Unit { package: package.name.clone(), hash, folder: entry.path() })
        };
        Ok(entries.flatten().filter_map(unit).collect())
    }

    pub fn has(&self, package: &PackageId, hash: &str) -> bool {
        self.folder(package, hash).is_dir()
    }

    /// Whether the target folder's unit was compiled apart from the one that is kept here.
    pub fn has_another(&self, package: &PackageId, hash: &str, target: &Layout) -> bool {
        let kept = copy::compiled_at(&self.folder(package, hash).join(copy::FINGERPRINT));
        kept.is_some() && kept != target.compiled_at(&package.name, hash)
    }

    /// Marks a unit as used now; a cache that cannot be written is used all the same.
    pub fn touch(&self, unit: &Unit) {
        let _ = File::options()
            .write(true)
            .open(unit.folder.join(USED))
            .and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Copies a unit from a target folder: written aside, then put in place by a rename, whole or not at all.
    pub fn keep(&self, package: &PackageId, hash: &str, target: &Layout) -> Result<()> {
        let (place, aside) = (self.folder(package, hash), self.aside(hash));
        let keep = || {
            fs::create_dir_all(&aside)?;
            target.give(&package.name, hash, &aside)?;
            File::create(aside.join(USED))?;
            fs::create_dir_all(place.parent().unwrap_or(&self.root))?;
            self.discard(&place)?;
            fs::rename(&aside, &place)
        };
        keep().map_err(|error| broken(&place, error))
    }

    /// Removes what a killed process left under way. Only for the holder of the exclusive lock.
    pub fn sweep(&self) -> Result<()> {
        let folder = self.root.join(TEMPORARY);
        let sweep = || {
            copy::remove_folder(&folder)?;
            fs::create_dir_all(&folder)
        };
        sweep().map_err(|error| broken(&folder, error))
    }

    /// Removes the least recently used units until the rest fits. Only for the holder of the exclusive lock.
    pub fn shrink(&self) -> Result<()> {
        let mut units: Vec<(SystemTime, u64, PathBuf)> = all_units(&self.root)
            .into_iter()
            .map(|unit| (last_used(&unit.folder), size(&unit.folder), unit.folder))
            .collect();
        units.sort();
        let mut total: u64 = units.iter().map(|(_, size, _)| size).sum();
        for (_, size, folder) in units {
            if total <= self.max {
                break;
            }
            self.discard(&folder).map_err(|error| broken(&folder, error))?;
            total -= size;
        }
        self.sweep()
    }

    /// A unit disappears whole too: by a rename, and only then file by file.
    fn discard(&self, folder: &Path) -> io::Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let aside = self.aside(&format!("old-{name}"));
        copy::remove_folder(&aside)?;
        fs::rename(folder, &aside)?;
        copy::remove_folder(&aside)
    }

    fn folder(&self, package: &PackageId, hash: &str) -> PathBuf {
        self.key.join(format!("{}-{}", package.name, package.version)).join(hash)
    }

    fn aside(&self, name: &str) -> PathBuf {
        self.root.join(TEMPORARY).join(format!("{}-{name}", process::id()))
    }
}

fn root() -> Result<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    env::var_os("XDG_CACHE_HOME")
        .and_then(|path| absolute(path.into()))
        .or_else(|| Some(env::home_dir()?.join(".cache")))
        .map(|cache| cache.join("formwork").join("crates"))
        .ok_or_else(|| {
            Error::missing("there is no home folder for the cache").help("set HOME, or XDG_CACHE_HOME")
        })
}

fn max_bytes() -> Result<u64> {
    match env::var("FORMWORK_CACHE_MAX") {
        Ok(text) => parse_size(&text).ok_or_else(|| {
            Error::usage(format!("FORMWORK_CACHE_MAX={text} is no size"))
                .help("write bytes, or a number with a unit: 500MiB, 5GiB; 0 turns the cache off")
        }),
        Err(_) => Ok(DEFAULT_MAX),
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(factor)
}

fn all_units(root: &Path) -> Vec<Unit> {
    let walk = WalkDir::new(root).min_depth(3).max_depth(3).into_iter();
    let temporary = root.join(TEMPORARY);
    walk.flatten()
        .filter(|entry| entry.file_type().is_dir() && !entry.path().starts_with(&temporary))
        .map(|entry| Unit {
            package: String::new(),
            hash: entry.file_name().to_string_lossy().into_owned(),
            folder: entry.into_path(),
        })
        .collect()
}

fn last_used(unit: &Path) -> SystemTime {
    let changed = fs::metadata(unit.join(USED)).and_then(|metadata| metadata.modified());
    changed.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn size(folder: &Path) -> u64 {
    WalkDir::new(folder).into_iter().flatten().filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

fn broken(path: &Path, error: io::Error) -> Error {
    Error::failed("cannot use the cache of compiled crates")
        .at(path, None)
        .cause(error)
        .help("formwork cache clear starts it anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("0"), Some(0));
        assert_eq!(parse_size("5GiB"), Some(5 << 30));
        assert_eq!(parse_size(" 500 MB "), Some(500_000_000));
        assert_eq!(parse_size("five"), None);
        assert_eq!(parse_size("99999999999GiB"), None);
    }
}
