//! The registry packages that a project's `Cargo.lock` names.

use std::{fs, path::Path};

use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct RegistryPackage {
    pub name: String,
    pub version: String,
    source: Option<String>,
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<RegistryPackage>,
}

/// None where there is no readable lock file: cargo will say what is wrong with it.
pub fn registry_packages(workspace: &Path) -> Vec<RegistryPackage> {
    let text = fs::read_to_string(workspace.join("Cargo.lock")).unwrap_or_default();
    read(&text)
}

fn read(text: &str) -> Vec<RegistryPackage> {
    let lock: LockFile = toml::from_str(text).unwrap_or(LockFile { package: Vec::new() });
    lock.package.into_iter().filter(RegistryPackage::is_from_registry).collect()
}

impl RegistryPackage {
    fn is_from_registry(&self) -> bool {
        self.source
            .as_ref()
            .is_some_and(|source| ["registry+", "sparse+"].iter().any(|kind| source.starts_with(kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_packages_are_left_out() {
        let packages = read(
            "version = 4\n[[package]]\nname = \"orders\"\nversion = \"0.1.0\"\ndependencies = [\"itoa\"]\n\
             [[package]]\nname = \"itoa\"\nversion = \"1.0.19\"\nsource = \"registry+https://example.org/index\"\n",
        );
        let names: Vec<_> =
            packages.iter().map(|package| (package.name.as_str(), package.version.as_str())).collect();
        assert_eq!(names, [("itoa", "1.0.19")]);
    }
}
