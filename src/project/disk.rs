//! Writes a tree, and says what is wrong when the disk does not take it.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use crate::{
    error::{Error, Result},
    interrupt::Interrupt,
    render::{Entry, Tree},
};

/// Writes all files below `folder`, which exists.
pub(crate) fn write(tree: &Tree, folder: &Path, interrupt: &Interrupt) -> Result<()> {
    let mut made = BTreeSet::new();
    for (path, entry) in tree.iter() {
        interrupt.check()?;
        if let Some((parent, _)) = path.rsplit_once('/')
            && made.insert(parent)
        {
            let parent = folder.join(parent);
            fs::create_dir_all(&parent).map_err(|cause| error(&parent, &cause))?;
        }
        write_file(&folder.join(path), entry).map_err(|cause| error(&folder.join(path), &cause))?;
    }
    Ok(())
}

fn write_file(path: &Path, entry: &Entry) -> io::Result<()> {
    open(path, entry.executable)?.write_all(&entry.bytes)
}

#[cfg(unix)]
fn open(path: &Path, executable: bool) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mode = if executable { 0o777 } else { 0o666 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path, _: bool) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// What a failed write means to the one who asked for it.
pub(crate) fn error(path: &Path, cause: &io::Error) -> Error {
    let (message, help) = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
            "the disk is full",
            "free some space, or choose a folder on another disk; nothing was left behind",
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            "this folder cannot be written to",
            "choose a folder that you may write to; nothing was left behind",
        ),
        _ => ("cannot write the project", "nothing was left behind"),
    };
    Error::failed(message).at(path, None).cause(cause).help(help)
}
