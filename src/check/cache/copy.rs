//! Compiled units in a target folder, as cargo 1.95 lays them out: the fingerprint in
//! `.fingerprint/NAME-HASH`, compiled files in `deps/*-HASH*`, build scripts in `build/NAME-HASH`.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::SystemTime,
};

use super::{
    lock::{self, Access},
    store::Unit,
};
use crate::{
    check::{messages::is_hash, project::Project},
    error::{Error, Result},
    interrupt::Interrupt,
};

/// The three places of a unit, the same names in a target folder and in the cache.
pub const FINGERPRINT: &str = "fingerprint";
pub const DEPS: &str = "deps";
pub const BUILD: &str = "build";

/// A project's target folder.
pub struct Layout {
    debug: PathBuf,
    /// Compiled files by their hash: listed once, since a folder holds thousands.
    deps: OnceLock<HashMap<String, Vec<PathBuf>>>,
}

impl Layout {
    pub fn of(project: &Project) -> Self {
        Self { debug: project.build.join("debug"), deps: OnceLock::new() }
    }

    /// Cargo takes a unit for compiled when its fingerprint says so.
    pub fn has(&self, package: &str, hash: &str) -> bool {
        self.fingerprint(package, hash).is_dir()
    }

    pub fn compiled_at(&self, package: &str, hash: &str) -> Option<SystemTime> {
        compiled_at(&self.fingerprint(package, hash))
    }

    /// Makes what cargo would make, so that it finds the folder as it left it.
    pub fn prepare(&self) -> Result<()> {
        let mut folders = [".fingerprint", DEPS, BUILD].into_iter();
        folders.try_for_each(|folder| fs::create_dir_all(self.debug.join(folder))).map_err(|error| {
            Error::failed("cannot make the target folder").at(&self.debug, None).cause(error)
        })
    }

    /// Cargo's own lock: no cargo works in this folder meanwhile.
    pub fn lock(&self, interrupt: &Interrupt) -> Result<File> {
        lock::lock(&self.debug.join(".cargo-lock"), Access::Exclusive, interrupt)
    }

    /// Copies a cached unit in. The fingerprint comes last and by a rename: until then cargo does not
    /// believe in the unit, whatever of it is there.
    pub fn take(&self, unit: &Unit) -> Result<()> {
        let fingerprint = self.fingerprint(&unit.package, &unit.hash);
        let half = self.debug.join(".fingerprint").join(format!(".formwork-{}", unit.hash));
        let copy = || {
            copy_folder(&unit.folder.join(DEPS), &self.debug.join(DEPS))?;
            copy_folder(&unit.folder.join(BUILD), &self.build(&unit.package, &unit.hash))?;
            remove_folder(&half)?;
            copy_folder(&unit.folder.join(FINGERPRINT), &half)?;
            fs::rename(&half, &fingerprint)
        };
        copy().map_err(|error| {
            Error::failed("cannot copy a compiled crate").at(&unit.folder, None).cause(error)
        })
    }

    /// Copies a unit out, into a folder that nobody looks at yet.
    pub fn give(&self, package: &str, hash: &str, to: &Path) -> io::Result<()> {
        copy_folder(&self.fingerprint(package, hash), &to.join(FINGERPRINT))?;
        copy_folder(&self.build(package, hash), &to.join(BUILD))?;
        let deps = self.deps.get_or_init(|| files_by_hash(&self.debug.join(DEPS)));
        let files = deps.get(hash).map(Vec::as_slice).unwrap_or_default();
        if !files.is_empty() {
            fs::create_dir_all(to.join(DEPS))?;
        }
        files.iter().try_for_each(|file| copy_file(file, &to.join(DEPS)))
    }

    fn fingerprint(&self, package: &str, hash: &str) -> PathBuf {
        self.debug.join(".fingerprint").join(format!("{package}-{hash}"))
    }

    fn build(&self, package: &str, hash: &str) -> PathBuf {
        self.debug.join(BUILD).join(format!("{package}-{hash}"))
    }
}

/// When cargo called the compiler for the unit with this fingerprint: no two compilations have that in common, and copies
/// keep it.
pub fn compiled_at(fingerprint: &Path) -> Option<SystemTime> {
    fs::metadata(fingerprint.join("invoked.timestamp")).and_then(|file| file.modified()).ok()
}

/// Does the same for every item on two threads, and counts. The first error ends it.
pub fn in_parallel<T: Sync>(
    items: &[T],
    interrupt: &Interrupt,
    each: impl Fn(&T) -> Result<()> + Sync,
) -> Result<usize> {
    let (next, error) = (AtomicUsize::new(0), Mutex::new(None));
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(found) = interrupt.check().and_then(|()| each(item)) {
                next.store(items.len(), Ordering::Relaxed);
                *error.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(found);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let error = error.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    error.map_or(Ok(items.len()), Err)
}

fn files_by_hash(deps: &Path) -> HashMap<String, Vec<PathBuf>> {
    let mut files: HashMap<String, Vec<PathBuf>> = HashMap::new();
    for entry in fs::read_dir(deps).into_iter().flatten().flatten() {
        let path = entry.path();
        if let Some(hash) = hash_in(&path) {
            files.entry(hash).or_default().push(path);
        }
    }
    files
}

/// `libserde-0123456789abcdef.rlib`: the hash follows the last dash; whatever follows the hash is a suffix.
fn hash_in(path: &Path) -> Option<String> {
    let (_, rest) = path.file_name()?.to_str()?.rsplit_once('-')?;
    let hash = rest.split('.').next()?;
    is_hash(hash).then(|| hash.to_owned())
}

/// A folder that is not there has nothing to copy.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        match path.is_dir() {
            true => copy_folder(&path, &to.join(path.file_name().unwrap_or_default()))?,
            false => copy_file(&path, to)?,
        }
    }
    Ok(())
}

/// Keeps the time of the last change: cargo compares the times of a unit and of what it depends on.
fn copy_file(file: &Path, folder: &Path) -> io::Result<()> {
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, &to)?;
    let changed = fs::metadata(file)?.modified()?;
    File::options().write(true).open(&to)?.set_modified(changed)
}

pub fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_what_follows_the_last_dash() {
        let hash = |name: &str| hash_in(Path::new(name));
        assert_eq!(hash("libserde_core-0e073d5dbef837d1.rlib").as_deref(), Some("0e073d5dbef837d1"));
        assert_eq!(hash("serde-0e073d5dbef837d1.d").as_deref(), Some("0e073d5dbef837d1"));
        assert_eq!(hash("it-0e073d5dbef837d1.abc.rcgu.o").as_deref(), Some("0e073d5dbef837d1"));
        assert_eq!(hash("libfoo.so"), None);
        assert_eq!(hash("a-b.so"), None);
    }
}
