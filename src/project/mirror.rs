//! The file system as it is going to be: what is new is written, everything else is a link.
//!
//! Cargo goes by the names of paths and follows no link by itself, so in here it finds the workspace with its new member, and
//! all that the workspace names beside it, while nothing of the real one has changed. It stands among temporary files:
//! whoever watches the workspace, and follows links, would watch the whole disk.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::staging;

/// Removed when dropped; what its links lead to is not.
pub(super) struct Mirror {
    _folder: TempDir,
    top: PathBuf,
}

impl Mirror {
    /// Of everything but `place`, which is absolute: it and the folders on the way to it are real, and it is empty.
    pub(super) fn around(place: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("formwork-").tempdir()?;
        let mirror = Self { top: folder.path().canonicalize()?, _folder: folder };
        fs::create_dir_all(mirror.at(place))?;
        for folder in place.ancestors().skip(1) {
            // One that is still to be made has nothing in it, and what cannot be listed cannot be linked.
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let is_staging = staging::is_our_name(&entry.file_name().to_string_lossy());
                if !place.starts_with(entry.path()) && !is_staging {
                    symlink(entry.path(), mirror.at(&entry.path()))?;
                }
            }
        }
        Ok(mirror)
    }

    /// Where a path is in here.
    pub(super) fn at(&self, path: &Path) -> PathBuf {
        self.top.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Gives a file another content in here: never through a link to the real one.
    pub(super) fn write(&self, file: &Path, text: &str) -> io::Result<()> {
        let file = self.at(file);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::File::create_new(&file)?.write_all(text.as_bytes()),
        }
    }

    /// What a program said of paths in here, as of those that it stands for.
    pub(super) fn real(&self, said: &str) -> String {
        said.replace(&*self.top.to_string_lossy(), "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_stays_in_the_mirror_and_the_rest_is_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("w/crates/a")).unwrap();
        fs::create_dir(root.join("beside")).unwrap();
        fs::write(root.join("beside/text"), "beside").unwrap();
        fs::create_dir(root.join("w/.orders.formwork-1-0")).unwrap();
        fs::write(root.join("w/Cargo.toml"), "old").unwrap();
        let mirror = Mirror::around(&root.join("w/services/orders")).unwrap();
        mirror.write(&root.join("w/Cargo.toml"), "new").unwrap();
        mirror.write(&root.join("w/Cargo.lock"), "new").unwrap();
        let read = |path: &str| fs::read_to_string(mirror.at(&root.join(path))).unwrap();
        assert_eq!([read("w/Cargo.toml"), read("beside/text")], ["new", "beside"]);
        assert!(
            mirror.at(&root.join("w/services/orders")).is_dir()
                && mirror.at(&root.join("w/crates/a")).is_dir()
        );
        assert!(!mirror.at(&root.join("w/.orders.formwork-1-0")).exists());
        let said = format!("no such file: {}", mirror.at(&root).display());
        assert_eq!(mirror.real(&said), format!("no such file: {}", root.display()));
        drop(mirror);
        assert_eq!(fs::read_to_string(root.join("w/Cargo.toml")).unwrap(), "old");
        assert!(root.join("beside/text").is_file() && !root.join("w/Cargo.lock").exists());
    }
}
