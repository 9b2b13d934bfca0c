//! The render that a project came from, kept in the project as the base of later three-way merges.
//!
//! `.formwork/base.tar.gz` is an ordinary archive (`tar xzf`) of the rendered tree without `Cargo.lock`,
//! whose merge is cargo's work, and without `formwork.toml`, which describes the render.

use std::io::Read as _;

use flate2::{Compression, GzBuilder, read::GzDecoder};
use tar::{Archive, Builder, EntryType, Header};

use crate::{
    error::{Error, Result},
    render::{Entry, LOCK, Tree},
};

pub(crate) const PATH: &str = ".formwork/base.tar.gz";
/// Fast enough for a render; the best level would save a twelfth of the size.
const LEVEL: u32 = 5;
/// More than this is no render of ours.
const LARGEST: u64 = 256 << 20;

/// The same bytes on every machine: no times, owners or names of the machine.
pub(super) fn pack(tree: &Tree) -> Result<Entry> {
    let gzip = GzBuilder::new().operating_system(255).write(Vec::new(), Compression::new(LEVEL));
    let mut archive = Builder::new(gzip);
    let packed = tree
        .iter()
        .filter(|(path, _)| *path != LOCK)
        .try_for_each(|(path, entry)| archive.append_data(&mut header(entry), path, &*entry.bytes))
        .and_then(|()| archive.into_inner()?.finish());
    match packed {
        Ok(bytes) => Ok(Entry { bytes: bytes.into(), executable: false }),
        Err(error) => Err(Error::failed("cannot pack the render").cause(error)),
    }
}

/// Reads what `pack` wrote. The file was in other hands since, so paths are checked as those of a render are.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Tree, String> {
    let mut archive = Archive::new(GzDecoder::new(bytes).take(LARGEST));
    let mut tree = Tree::default();
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        if entry.header().entry_type() != EntryType::Regular {
            return Err("it holds something that is not a file".to_owned());
        }
        let path = entry.path().map_err(|error| error.to_string())?.to_string_lossy().into_owned();
        let mode = entry.header().mode().map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let entry = Entry { bytes: bytes.into(), executable: mode & 0o111 != 0 };
        tree.insert(path, entry).map_err(|error| error.message)?;
    }
    Ok(tree)
}

fn header(entry: &Entry) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(if entry.executable { 0o755 } else { 0o644 });
    header.set_size(entry.bytes.len() as u64);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let mut tree = Tree::default();
        tree.insert("src/main.rs", Entry::text("fn main() {}\n")).unwrap();
        tree.insert("run.sh", Entry { executable: true, ..Entry::text("#!/bin/sh\n") }).unwrap();
        let long = format!("docs/{}.md", "n".repeat(120));
        tree.insert(long, Entry::text("a name that needs a record of its own\n")).unwrap();
        let packed = pack(&tree).unwrap();
        assert_eq!(unpack(&packed.bytes).unwrap(), tree);
        assert!(unpack(&packed.bytes[..packed.bytes.len() / 2]).is_err());
        assert!(unpack(b"<<<<<<< HEAD\n").is_err());
    }
}
