//! Where templates and presets come from: embedded in the binary, a folder (tests), or both with what a preset adds.

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// One file; `path` is relative to its source and uses `/`.
#[derive(Clone, Debug)]
pub struct File {
    pub path: Cow<'static, str>,
    pub bytes: Cow<'static, [u8]>,
    pub executable: bool,
}

impl File {
    const fn embedded(path: &'static str, bytes: &'static [u8], executable: bool) -> Self {
        Self { path: Cow::Borrowed(path), bytes: Cow::Borrowed(bytes), executable }
    }
}

/// A set of files, sorted by path.
#[derive(Clone, Debug)]
pub struct Source {
    /// What error messages put before a path.
    root: PathBuf,
    files: Cow<'static, [File]>,
    mounts: Vec<(String, PathBuf)>,
}

/// Files that join a source below the folder `at`; `root` is where they really stand.
#[derive(Clone, Debug)]
pub struct Mount {
    pub at: String,
    pub root: PathBuf,
    /// Each with its path from `root`.
    pub files: Vec<File>,
}

impl Source {
    pub fn templates() -> Self {
        Self { root: "templates".into(), files: Cow::Borrowed(TEMPLATES), mounts: Vec::new() }
    }

    pub fn presets() -> Self {
        Self { root: "presets".into(), files: Cow::Borrowed(PRESETS), mounts: Vec::new() }
    }

    /// Reads a whole folder into memory.
    pub fn folder(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(root) {
            let entry = entry.map_err(|error| unreadable(root, error))?;
            if !entry.file_type().is_file() {
                continue;
            }
            let metadata = entry.metadata().map_err(|error| unreadable(entry.path(), error))?;
            let bytes = fs::read(entry.path()).map_err(|error| unreadable(entry.path(), error))?;
            let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            files.push(File {
                path: parts.join("/").into(),
                bytes: bytes.into(),
                executable: is_executable(&metadata),
            });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { root: root.to_owned(), files: files.into(), mounts: Vec::new() })
    }

    /// This source and what is mounted in it, which must not be there already.
    #[must_use]
    pub fn joined(&self, mounts: Vec<Mount>) -> Self {
        let mut files = self.files.to_vec();
        let mut places = self.mounts.clone();
        for Mount { at, root, files: mounted } in mounts {
            files.extend(mounted.into_iter().map(|file| {
                let path = if file.path.is_empty() { at.clone() } else { format!("{at}/{}", file.path) };
                File { path: path.into(), ..file }
            }));
            places.push((at, root));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { root: self.root.clone(), files: files.into(), mounts: places }
    }

    /// Whether a folder joined this source.
    pub fn is_mounted(&self, folder: &str) -> bool {
        self.mounts.iter().any(|(at, _)| at == folder)
    }

    pub fn get(&self, path: &str) -> Option<&File> {
        let at = self.files.binary_search_by(|file| (*file.path).cmp(path)).ok()?;
        self.files.get(at)
    }

    /// The files below `folder`, each with its path from there.
    pub fn under<'a>(&'a self, folder: &str) -> impl Iterator<Item = (&'a str, &'a File)> + use<'a> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let start = self.files.partition_point(|file| *file.path < *prefix);
        self.files[start..].iter().map_while(move |file| Some((file.path.strip_prefix(&prefix)?, file)))
    }

    /// The text of a file that must be there.
    pub fn text(&self, path: &str) -> Result<&str> {
        let file =
            self.get(path).ok_or_else(|| Error::usage("a file is missing").at(self.locate(path), None))?;
        std::str::from_utf8(&file.bytes)
            .map_err(|error| Error::usage("this file is not UTF-8").at(self.locate(path), None).cause(error))
    }

    /// How messages name a file of this source.
    pub fn locate(&self, path: &str) -> PathBuf {
        let mounted = self.mounts.iter().find_map(|(at, root)| {
            let rest = path.strip_prefix(at.as_str())?;
            match rest.strip_prefix('/') {
                Some(rest) => Some(root.join(rest)),
                None => rest.is_empty().then(|| root.clone()),
            }
        });
        mounted.unwrap_or_else(|| self.root.join(path))
    }
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::usage("cannot read this folder of templates").at(path, None).cause(error)
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}
