//! Where a run makes its files, and by which others tell that it lives.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    error::Result,
    project::{
        alive::{self, Guard},
        disk,
    },
};

const PREFIX: &str = "scratch-";
const LOCK: &str = "alive";

/// `.git/formwork/scratch-…`, which goes with its run. That of a killed one is removed by the next.
///
/// Its lock is held as long as the run lives. The number of the process would not tell: in a container another has it soon.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    pub(super) fn new(git_dir: &Path) -> Result<Self> {
        let parent = folder(git_dir);
        let make = || {
            fs::create_dir_all(&parent)?;
            let guard = Guard::of(&parent);
            if guard.is_held() {
                remove_leftovers(&parent);
            }
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent)?;
            let lock = alive::hold(&folder.path().join(LOCK))?;
            Ok(Self { folder, _lock: lock })
        };
        make().map_err(|error: io::Error| disk::failed(&parent, &error))
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// By which `is_at_work` knows the run.
    pub(super) fn name(&self) -> String {
        self.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What is formwork's in a git folder.
pub(super) fn folder(git_dir: &Path) -> PathBuf {
    git_dir.join("formwork")
}

/// Whether the run with a scratch of this name lives; in doubt it does.
pub(super) fn is_at_work(git_dir: &Path, name: &str) -> bool {
    alive::is_held(&folder(git_dir).join(name).join(LOCK))
}

fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_scratch = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_scratch && !alive::is_held(&entry.path().join(LOCK)) {
            // What cannot be removed now is removed by the next run.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
