//! Files that a preset brings, read with suspicion: ordinary files of plain names, bounded in number and size.

use std::{
    fs::{self, File as Disk},
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::{
    catalog::File,
    error::{Error, Result},
    render::{LOCK, target_of, unsafe_because},
};

pub(super) const MOST_FILES: usize = 2_000;
/// Bytes of one folder's files together.
pub(super) const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of a preset's own file, or of a lock.
const LARGEST_TEXT: u64 = 4 * 1024 * 1024;

/// The files of an overlay stand where the project's will.
pub(super) fn check_target(path: &str) -> Result<()> {
    let target = target_of(path);
    if let Some(problem) = unsafe_because(target) {
        return Err(Error::usage(format!("`{target}` cannot be a file of a project: {problem}")));
    }
    let lower = target.to_lowercase();
    let is_ours =
        ["formwork.toml", &LOCK.to_lowercase()].contains(&&*lower) || lower.starts_with(".formwork/");
    if is_ours || lower == ".formwork" {
        return Err(Error::usage(format!("`{target}` is written by formwork itself"))
            .help("take the file out of the overlay"));
    }
    Ok(())
}

/// Why a path that a preset names cannot be a folder of its own.
pub(super) fn escapes(dir: &str) -> Option<&'static str> {
    match dir {
        "." => Some("it would take in the preset itself"),
        _ => unsafe_because(dir),
    }
}

/// Counts what is read, and stops in time.
#[derive(Debug, Default)]
pub(super) struct Budget {
    files: usize,
    bytes: u64,
}

impl Budget {
    pub(super) fn take(&mut self, bytes: u64) -> Result<()> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        match (self.files > MOST_FILES, self.bytes > MOST_BYTES) {
            (true, _) => Err(Error::usage(format!("there are more than {MOST_FILES} files"))),
            (_, true) => Err(Error::usage(format!("the files have more than {MOST_BYTES} bytes"))),
            _ => Ok(()),
        }
    }
}

/// All files below `root`/`dir`, sorted, each with its path from there.
pub(super) fn read(root: &Path, dir: &str) -> Result<Vec<File>> {
    let folder = root.join(dir);
    for ancestor in prefixes(root, dir) {
        let metadata = fs::symlink_metadata(&ancestor)
            .map_err(|error| Error::usage("there is no such folder").at(&ancestor, None).cause(error))?;
        if metadata.is_symlink() {
            return Err(is_a_link(&ancestor));
        }
        if !metadata.is_dir() {
            return Err(Error::usage("this is not a folder").at(ancestor, None));
        }
    }
    let mut budget = Budget::default();
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(&folder).follow_links(false).sort_by_file_name() {
        let entry =
            entry.map_err(|error| Error::usage("cannot read this folder").at(&folder, None).cause(error))?;
        let path = entry.path();
        let kind = entry.file_type();
        if kind.is_dir() {
            continue;
        }
        if kind.is_symlink() {
            return Err(is_a_link(path));
        }
        if !kind.is_file() {
            return Err(Error::usage("this is neither a file nor a folder").at(path, None));
        }
        files.push(one(&folder, path, &mut budget)?);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn one(folder: &Path, path: &Path, budget: &mut Budget) -> Result<File> {
    let wrong = |error: std::io::Error| Error::usage("cannot read this file").at(path, None).cause(error);
    let metadata = fs::metadata(path).map_err(wrong)?;
    budget.take(metadata.len()).map_err(|error| error.at(folder, None))?;
    let relative = path.strip_prefix(folder).unwrap_or(path);
    let names: Option<Vec<&str>> = relative.iter().map(|name| name.to_str()).collect();
    let names = names.ok_or_else(|| Error::usage("this name is not UTF-8").at(path, None))?;
    let bytes = fs::read(path).map_err(wrong)?;
    Ok(File { path: names.join("/").into(), bytes: bytes.into(), executable: is_executable(&metadata) })
}

pub(super) fn is_a_link(path: &Path) -> Error {
    Error::usage("this is a link, and could lead out of the preset")
        .at(path, None)
        .help("put the file itself there")
}

/// `root/a`, `root/a/b` of `a/b`.
fn prefixes(root: &Path, dir: &str) -> Vec<PathBuf> {
    let mut path = root.to_owned();
    let step = |name: &str| {
        path.push(name);
        path.clone()
    };
    dir.split('/').map(step).collect()
}

/// The text of one file: an ordinary one, of bounded size. Nothing if there is none.
pub(super) fn text(file: &Path) -> Result<Option<String>> {
    let wrong = |error: std::io::Error| Error::usage("cannot read the preset").at(file, None).cause(error);
    let metadata = match fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(wrong)?,
    };
    if !metadata.is_file() {
        return Err(Error::usage("a preset is a file of its own")
            .at(file, None)
            .help("name the .toml file itself"));
    }
    let mut bytes = Vec::new();
    Disk::open(file).and_then(|open| open.take(LARGEST_TEXT + 1).read_to_end(&mut bytes)).map_err(wrong)?;
    decode(file, bytes).map(Some)
}

/// Bytes of bounded number as text.
pub(super) fn decode(label: &Path, bytes: Vec<u8>) -> Result<String> {
    if bytes.len() as u64 > LARGEST_TEXT {
        return Err(Error::usage(format!("this file has more than {LARGEST_TEXT} bytes")).at(label, None));
    }
    String::from_utf8(bytes)
        .map_err(|error| Error::usage("this file is not UTF-8").at(label, None).cause(error))
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
