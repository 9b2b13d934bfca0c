//! git's own three-way merge of whole trees, with the base that it is given.

use super::repository::{Item, Items, Repository};
use crate::error::{Error, Result};

/// What came of a merge: a tree, in which conflicts stand between markers.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    pub tree: String,
    pub stages: Vec<Stage>,
    /// The loose commit that was merged.
    pub commit: String,
}

/// One side of a path that git could not merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// In the repository.
    pub path: String,
    /// 1 is the base, 2 the owner's, 3 the new render's.
    pub number: u8,
    pub item: Item,
}

pub(super) const BASE: u8 = 1;
pub(super) const OURS: u8 = 2;
pub(super) const THEIRS: u8 = 3;

impl Merged {
    /// The paths with a conflict, each once, in order.
    pub(super) fn conflicts(&self) -> Vec<&str> {
        let mut paths: Vec<_> = self.stages.iter().map(|stage| stage.path.as_str()).collect();
        paths.dedup();
        paths
    }

    pub(super) fn stage(&self, path: &str, number: u8) -> Option<&Item> {
        let is_it = |stage: &&Stage| stage.path == path && stage.number == number;
        self.stages.iter().find(is_it).map(|stage| &stage.item)
    }
}

/// Merges the way from `base` to `new` into HEAD. `label` names the new side in markers.
pub(super) fn merge(
    repository: &Repository,
    base: &Items,
    new: &Items,
    label: &str,
    message: &str,
) -> Result<Merged> {
    let base = repository.graft(base)?;
    let new = repository.graft(new)?;
    let base = repository.commit(&base, &repository.head, "The render that the project came from")?;
    let commit = repository.commit(&new, &base, message)?;
    let mut command = repository.git();
    command.args(["merge-tree", "--write-tree", "-z", "--no-messages"]);
    command.arg(format!("--merge-base={base}")).args(["HEAD", &commit]);
    let output = repository.run(&mut command)?;
    let said = String::from_utf8_lossy(&output.stdout);
    // 1 is a merge with conflicts; anything else is no merge at all.
    if !matches!(output.status.code(), Some(0 | 1)) || said.is_empty() {
        return Err(Error::failed("git cannot merge").cause(String::from_utf8_lossy(&output.stderr).trim()));
    }
    let mut fields = said.split('\0');
    let tree = fields.next().unwrap_or_default().to_owned();
    let stages = fields.take_while(|field| !field.is_empty()).filter_map(stage).collect();
    let merged = Merged { tree, stages, commit };
    relabel(repository, merged, &base, label)
}

/// git calls the sides what it was told to merge, and hashes tell nobody anything.
fn relabel(repository: &Repository, mut merged: Merged, base: &str, label: &str) -> Result<Merged> {
    if merged.stages.is_empty() {
        return Ok(merged);
    }
    let mut changes = Items::new();
    let all = repository.all_items(&merged.tree)?;
    for path in merged.conflicts() {
        let Some(item) = all.get(path) else { continue };
        let Some(text) = repository.read_text(&item.blob)? else { continue };
        let named = text.replace(&merged.commit, label).replace(base, "the last render");
        if named != text {
            let blob = repository.write_blob(named.as_bytes())?;
            changes.insert(path.to_owned(), Item { mode: item.mode.clone(), blob });
        }
    }
    merged.tree = repository.replace(&merged.tree, &changes)?;
    Ok(merged)
}

/// `MODE BLOB STAGE<tab>PATH`
fn stage(line: &str) -> Option<Stage> {
    let (about, path) = line.split_once('\t')?;
    let mut words = about.split(' ');
    let (mode, blob, number) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    Some(Stage { path: path.to_owned(), number, item: Item { mode: mode.to_owned(), blob: blob.to_owned() } })
}
