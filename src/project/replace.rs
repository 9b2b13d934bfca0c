//! Several files are replaced together, or stay as they are as far as the disk lets them.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::disk;
use crate::error::Result;

/// A file's new content beside it, to take its place in one rename.
pub(super) struct Ready {
    file: PathBuf,
    old: Option<String>,
    beside: NamedTempFile,
}

impl Ready {
    pub(super) fn new(file: &Path, old: Option<String>, new: &str) -> Result<Self> {
        // A link stays one.
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let folder = file.parent().unwrap_or(&file);
        let beside = write_beside(&file, folder, new).map_err(|error| disk::error(folder, &error))?;
        Ok(Self { file, old, beside })
    }

    fn put(self) -> io::Result<Put> {
        self.beside.persist(&self.file).map_err(|error| error.error)?;
        Ok(Put { file: self.file, old: self.old })
    }
}

/// With the permissions that it has, or that a new file gets here.
fn write_beside(file: &Path, folder: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".formwork-").permissions(fs::Permissions::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    if let Ok(there) = fs::metadata(file) {
        beside.as_file().set_permissions(there.permissions())?;
    }
    Ok(beside)
}

/// A file that was replaced, and what it was.
struct Put {
    file: PathBuf,
    old: Option<String>,
}

impl Put {
    /// The file, where that does not go.
    fn take_back(self) -> Result<(), PathBuf> {
        let Self { file, old } = self;
        let taken_back = match &old {
            Some(old) => Ready::new(&file, None, old).is_ok_and(|ready| ready.put().is_ok()),
            None => fs::remove_file(&file).is_ok(),
        };
        if taken_back { Ok(()) } else { Err(file) }
    }
}

/// All, or none: what did not go, and what could not be taken back.
pub(super) fn put(ready: Vec<Ready>) -> Result<(), (PathBuf, io::Error, Vec<PathBuf>)> {
    let mut done = Vec::new();
    for one in ready {
        let file = one.file.clone();
        match one.put() {
            Ok(put) => done.push(put),
            Err(error) => {
                let left = done.into_iter().rev().filter_map(|put: Put| put.take_back().err());
                return Err((file, error, left.collect()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    #[test]
    fn a_replaced_file_keeps_its_permissions_and_the_link_to_it() {
        let (_folder, root) = folder();
        let (file, link) = (root.join("file"), root.join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        put(vec![Ready::new(&link, Some("old".to_owned()), "new").unwrap()]).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(&root).unwrap().count(), 2);
    }

    #[test]
    fn where_one_cannot_be_replaced_all_are_as_they_were() {
        let (_folder, root) = folder();
        let path = |name: &str| root.join(name);
        fs::write(path("old"), "old").unwrap();
        let ready =
            |name: &str, old: Option<&str>| Ready::new(&path(name), old.map(str::to_owned), "new").unwrap();
        let all = vec![ready("old", Some("old")), ready("none", None), ready("stuck", Some("old"))];
        fs::create_dir_all(path("stuck/full")).unwrap();
        let (file, _, left) = put(all).unwrap_err();
        assert_eq!((file, left), (path("stuck"), Vec::new()));
        assert_eq!(fs::read_to_string(path("old")).unwrap(), "old");
        assert_eq!(
            fs::read_dir(&root).unwrap().count(),
            2,
            "the new file is gone, and nothing is left beside"
        );
    }
}
