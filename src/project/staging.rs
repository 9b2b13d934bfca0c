//! A place beside the target where a project is made before one rename shows it.
//!
//! `.NAME.formwork-PID-N/` holds `lock`, which its maker keeps locked while it lives, and `project/`. So what
//! a killed run left can be told from what a living one uses, and the next run removes it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    alive::{self, Guard},
    disk,
};
use crate::error::Result;

const MARK: &str = ".formwork-";
const LOCK: &str = "lock";
const PROJECT: &str = "project";

/// Removed when dropped, with everything that has not been moved out.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    _lock: File,
}

impl Staging {
    /// Makes a folder in `parent` for a project called `name`, and removes what killed runs left there.
    pub(super) fn new(parent: &Path, name: &str) -> Result<Self> {
        let guard = Guard::of(parent);
        if guard.is_held() {
            remove_leftovers(parent);
        }
        Self::create(parent, name).map_err(|error| disk::error(parent, &error))
    }

    fn create(parent: &Path, name: &str) -> io::Result<Self> {
        let folder = new_folder(parent, name)?;
        let lock = alive::hold(&folder.join(LOCK))
            .and_then(|lock| fs::create_dir(folder.join(PROJECT)).map(|()| lock));
        match lock {
            Ok(lock) => Ok(Self { folder, _lock: lock }),
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    /// The folder to fill; it stands for the target's topmost new folder.
    pub(super) fn project(&self) -> PathBuf {
        self.folder.join(PROJECT)
    }

    /// Shows the project at `to`: a whole project or none, whatever happens.
    pub(super) fn reveal(&self, to: &Path) -> io::Result<()> {
        fs::rename(self.project(), to)
    }

    /// Takes back what was revealed at `from`, which was an empty folder before or nothing.
    pub(super) fn hide(&self, from: &Path, was_there: bool) -> io::Result<()> {
        fs::rename(from, self.project())?;
        if was_there { fs::create_dir(from) } else { Ok(()) }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn new_folder(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let mut n = 0;
    loop {
        let folder = parent.join(format!(".{name}{MARK}{}-{n}", std::process::id()));
        match fs::create_dir(&folder) {
            // The same process id in another container, which works in the same folder.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && n < 100 => n += 1,
            result => return result.map(|()| folder),
        }
    }
}

fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && is_our_name(&entry.file_name().to_string_lossy()) && is_dead(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// `.NAME.formwork-PID-N`
pub(super) fn is_our_name(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix('.')
        .and_then(|rest| rest.split_once(MARK))
        .and_then(|(_, numbers)| numbers.split_once('-'))
        .is_some_and(|(pid, n)| digits(pid) && digits(n))
}

/// Holds nothing but what we put there, and nobody holds its lock.
fn is_dead(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let ours = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name() == LOCK || entry.file_name() == PROJECT)
    };
    if !entries.into_iter().all(ours) {
        return false;
    }
    // Killed before it could make the lock, it holds none; the parent's lock says that no living run is there.
    !alive::is_held(&folder.join(LOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_ours() {
        for (name, ours) in [
            (".orders.formwork-12-0", true),
            (".a.b.formwork-1-12", true),
            ("orders.formwork-12-0", false),
            (".orders.formwork-12", false),
            (".orders.formwork-x-0", false),
            (".orders.formwork-", false),
            (".formwork", false),
        ] {
            assert_eq!(is_our_name(name), ours, "{name}");
        }
    }

    #[test]
    fn what_a_dead_run_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str, files: &[&str]| {
            let folder = parent.path().join(name);
            fs::create_dir_all(folder.join(PROJECT)).unwrap();
            files.iter().for_each(|file| fs::write(folder.join(file), "").unwrap());
            folder
        };
        let dead = make(".orders.formwork-1-0", &[LOCK, "project/Cargo.toml"]);
        let killed_early = make(".orders.formwork-2-0", &[]);
        let somebody_elses = make(".orders.formwork-3-0", &[LOCK, "notes.txt"]);
        let alive = Staging::new(parent.path(), "other").unwrap();
        assert!(!dead.exists() && !killed_early.exists());
        let next = Staging::new(parent.path(), "orders").unwrap();
        assert!(somebody_elses.exists());
        assert!(alive.project().is_dir() && next.project().is_dir());
        drop((alive, next));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
