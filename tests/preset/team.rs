//! A team's folder of presets.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Formwork, formwork, new, temp};

pub(crate) struct Team(pub(crate) TempDir);

pub(crate) fn team() -> Team {
    Team(temp())
}

impl Team {
    pub(crate) fn has(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// `formwork new` here, without git and without the check.
    pub(crate) fn pour(&self, arguments: &str) -> Formwork {
        new(&format!("--no-git {arguments}")).within(self.path())
    }

    pub(crate) fn preset(&self, arguments: &str) -> Formwork {
        formwork(&format!("preset {arguments}")).within(self.path())
    }

    /// What `formwork new orders` would make.
    #[track_caller]
    pub(crate) fn dry(&self, arguments: &str) -> Value {
        let json = self.pour(&format!("dry/orders --json --dry-run {arguments}")).succeeds();
        serde_json::from_str(&json).unwrap()
    }

    #[track_caller]
    pub(crate) fn show(&self, preset: &str) -> Value {
        serde_json::from_str(&self.preset(&format!("show {preset} --json")).succeeds()).unwrap()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }
}
