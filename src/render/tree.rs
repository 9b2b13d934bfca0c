//! A rendered project in memory.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use sha2::{Digest as _, Sha256};

use crate::{
    answers::is_windows_device,
    error::{Error, Result},
};

/// Relative path, with `/`, to content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub bytes: Cow<'static, [u8]>,
    pub executable: bool,
}

impl Entry {
    pub fn text(text: impl Into<String>) -> Self {
        Self { bytes: text.into().into_bytes().into(), executable: false }
    }
}

impl Tree {
    /// Adds a file; the path must be one that is safe to write on every system.
    pub fn insert(&mut self, path: impl Into<String>, entry: Entry) -> Result<()> {
        let path = path.into();
        if let Some(problem) = unsafe_because(&path) {
            return Err(Error::usage(format!("`{path}` cannot be a file of a project: {problem}")));
        }
        self.0.insert(path, entry);
        Ok(())
    }

    /// No two files may be one, or a file and a folder, on a system that does not tell upper from lower case.
    pub fn check(&self) -> Result<()> {
        let mut files: BTreeMap<String, &str> = BTreeMap::new();
        let mut folders: BTreeMap<String, &str> = BTreeMap::new();
        for path in self.0.keys() {
            for (at, _) in path.match_indices('/') {
                let folder = &path[..at];
                match folders.insert(folder.to_lowercase(), folder) {
                    Some(other) if other != folder => return Err(collides(folder, other)),
                    _ => {}
                }
            }
            if let Some(other) = files.insert(path.to_lowercase(), path) {
                return Err(collides(path, other));
            }
        }
        match files.iter().find_map(|(name, path)| Some((*path, *folders.get(name)?))) {
            Some((file, folder)) => Err(collides(file, folder)),
            None => Ok(()),
        }
    }

    pub fn remove(&mut self, path: &str) -> Option<Entry> {
        self.0.remove(path)
    }

    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.0.get(path)
    }

    /// Sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.0.values().map(|entry| entry.bytes.len()).sum()
    }

    /// SHA-256 over every file's path, mode and content, in the order of the paths.
    pub fn hash(&self) -> TreeHash {
        let mut hash = Sha256::new();
        for (path, entry) in &self.0 {
            // Lengths first, so that no two trees can run together into one text.
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update([u8::from(entry.executable)]);
            hash.update((entry.bytes.len() as u64).to_le_bytes());
            hash.update(&entry.bytes);
        }
        TreeHash(hash.finalize().into())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHash([u8; 32]);

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn collides(path: &str, other: &str) -> Error {
    Error::usage(format!("`{path}` and `{other}` cannot both be in a project"))
        .help("on some systems they would be one name; give one of them another")
}

/// Bytes of a path that every system can write below a folder of usual depth.
const LONGEST: usize = 200;

/// Why no file of this path can be written on every system.
pub fn unsafe_because(path: &str) -> Option<&'static str> {
    if path.contains(['\\', ':', '<', '>', '"', '|', '?', '*']) || path.contains(char::is_control) {
        return Some("it has a character that does not mean the same on every system");
    }
    if path.len() > LONGEST {
        return Some("it is longer than some systems take");
    }
    path.split('/').find_map(|name| match name {
        "" => Some("it is absolute or has an empty part"),
        "." | ".." => Some("it leaves its folder"),
        name if name.eq_ignore_ascii_case(".git") || name.eq_ignore_ascii_case("git~1") => {
            Some("git keeps that name for itself")
        }
        name if name.ends_with(['.', ' ']) => Some("Windows drops a dot or a space at the end"),
        name if is_windows_device(name) => Some("Windows keeps that name for a device"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.insert(*path, Entry::text(*text)).unwrap();
        }
        tree
    }

    #[test]
    fn the_hash_sees_path_mode_and_content_and_nothing_else() {
        let one = tree(&[("b", "2"), ("a", "1")]);
        assert_eq!(one.hash(), tree(&[("a", "1"), ("b", "2")]).hash());
        assert_ne!(one.hash(), tree(&[("a", "1"), ("b", "3")]).hash());
        assert_ne!(one.hash(), tree(&[("a", "1"), ("c", "2")]).hash());
        assert_ne!(tree(&[("a", "bc")]).hash(), tree(&[("ab", "c")]).hash());
        let mut other = one.clone();
        other.insert("a", Entry { executable: true, ..Entry::text("1") }).unwrap();
        assert_ne!(one.hash(), other.hash());
    }

    #[test]
    fn names_that_are_one_on_some_systems_are_refused() {
        for (files, both) in [
            (["README.md", "readme.md"], "`readme.md` and `README.md`"),
            (["Docs/a", "docs/b"], "`docs` and `Docs`"),
            (["Src", "src/main.rs"], "`Src` and `src`"),
            (["src", "src/main.rs"], "`src` and `src`"),
        ] {
            let error = tree(&files.map(|path| (path, ""))).check().unwrap_err();
            assert!(error.message.contains(both), "{error}");
        }
        assert!(tree(&[("src/a", ""), ("src/b/c", ""), ("src.md", "")]).check().is_ok());
    }

    #[test]
    fn paths_that_could_leave_the_project_are_refused() {
        for path in [
            "../x",
            "/etc/passwd",
            "a//b",
            "a/./b",
            "c:x",
            "a\\b",
            "src/aux.rs",
            "dot.",
            ".Git/config",
            "",
            "a?",
        ] {
            let error = Tree::default().insert(path, Entry::text("")).unwrap_err();
            assert!(error.message.contains("cannot be a file of a project"), "{path}");
        }
        assert!(Tree::default().insert(".github/workflows/ci.yml", Entry::text("")).is_ok());
    }
}
