//! What the owners changed since the render: their files, committed or not, against the base that the project carries.

use serde::Serialize;

use super::{Owned, Repository};
use crate::{
    error::Result,
    project::{base, state},
    render::LOCK,
};

/// Two trees to compare.
pub struct Difference<'a> {
    repository: &'a Repository,
    base: String,
    now: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// In the project.
    pub path: String,
    pub kind: &'static str,
    /// Where the render has it, for one that moved.
    pub from: Option<String>,
}

impl<'a> Difference<'a> {
    /// Git's ignore rules say which new files are the project's.
    pub fn since_render(repository: &'a Repository, owned: &Owned) -> Result<Self> {
        let mut now = repository.working_items()?;
        let mut base = repository.add("base", &owned.base)?;
        // The record is formwork's, the lock is cargo's.
        for path in [LOCK, state::PATH, base::PATH] {
            now.remove(path);
            base.remove(path);
        }
        Ok(Self { base: repository.graft(&base)?, now: repository.graft(&now)?, repository })
    }

    /// Between two trees of the repository.
    pub fn between(repository: &'a Repository, base: &str, now: &str) -> Self {
        Self { repository, base: base.to_owned(), now: now.to_owned() }
    }

    /// As git prints it.
    pub fn text(&self, arguments: &[&str], has_colour: bool) -> Result<String> {
        let colour = if has_colour { "--color=always" } else { "--color=never" };
        let mut command = self.repository.git();
        command.args(["diff", "--find-renames", "--no-ext-diff", colour]).args(arguments);
        command.arg(format!("--relative={}", self.repository.prefix)).args([&self.base, &self.now]);
        let output = self.repository.run(&mut command)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub fn files(&self) -> Result<Vec<Changed>> {
        let said = self.text(&["--name-status", "-z"], false)?;
        let mut fields = said.split('\0');
        let mut files = Vec::new();
        while let (Some(letter), Some(path)) = (fields.next(), fields.next()) {
            let (kind, from) = match letter.as_bytes().first() {
                Some(b'A') => ("added", None),
                Some(b'D') => ("removed", None),
                Some(b'R' | b'C') => ("moved", Some(path.to_owned())),
                _ => ("changed", None),
            };
            let path = if from.is_some() { fields.next().unwrap_or_default() } else { path };
            files.push(Changed { path: path.to_owned(), kind, from });
        }
        Ok(files)
    }
}
