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

/// What a failed write means to the one who asked for a new project.
pub(crate) fn error(path: &Path, cause: &io::Error) -> Error {
    let (message, way_out) = meaning(cause);
    let message = message.unwrap_or("cannot write the project");
    let way_out = way_out.map(|way_out| format!("{way_out}; ")).unwrap_or_default();
    Error::failed(message).at(path, None).cause(cause).help(format!("{way_out}nothing was left behind"))
}

/// The same to one whose project is there.
pub(crate) fn failed(path: &Path, cause: &io::Error) -> Error {
    let (message, _) = meaning(cause);
    Error::failed(message.unwrap_or("cannot write")).at(path, None).cause(cause)
}

/// In words, and where else a new project could go.
fn meaning(cause: &io::Error) -> (Option<&'static str>, Option<&'static str>) {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (Some("the disk is full"), Some("free some space, or choose a folder on another disk"))
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (Some("this folder cannot be written to"), Some("choose a folder that you may write to"))
        }
        _ => (None, None),
    }
}
