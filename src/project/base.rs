//! The render that a project came from, kept in the project as the base of later three-way merges.
//!
//! `.formwork/base.tar.gz` is an ordinary archive (`tar xzf`) of the rendered tree without `Cargo.lock`,
//! whose merge is cargo's work, and without `formwork.toml`, which describes the render.

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::{
    error::{Error, Result},
    render::{Entry, LOCK, Tree},
};

pub(super) const PATH: &str = ".formwork/base.tar.gz";
/// Fast enough for a render; the best level would save a twelfth of the size.
const LEVEL: u32 = 5;

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
