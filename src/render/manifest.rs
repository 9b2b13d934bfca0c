//! The dependency lines of a generated Cargo.toml.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    catalog::{Catalog, Dependency, Part},
    error::{Error, Result},
    lock::Direct,
};

/// One line of Cargo.toml.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    pub name: String,
    pub toml: String,
}

/// The lines of a plan, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub dependencies: Vec<Line>,
    pub dev_dependencies: Vec<Line>,
}

/// A crate and the features that the plan's parts claim of it.
type Crates<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

impl Lines {
    /// `direct` is what `dependencies/Cargo.toml` says of each crate.
    pub fn of(catalog: &Catalog, parts: &[&Part], direct: &BTreeMap<String, Direct>) -> Result<Self> {
        let dependencies = crates(parts, |part| &part.dependencies);
        let mut dev_dependencies = crates(parts, |part| &part.dev_dependencies);
        // What the service itself uses is there for its tests too.
        dev_dependencies.retain(|name, _| !dependencies.contains_key(name));
        let claimed = catalog.option_features();
        let none = BTreeSet::new();
        let line = |(name, chosen): (&str, BTreeSet<&str>)| {
            let direct = direct.get(name).ok_or_else(|| unlocked(catalog, parts, name))?;
            let features = features(direct, &chosen, claimed.get(name).unwrap_or(&none));
            Ok(Line { name: name.to_owned(), toml: toml_line(name, direct, &features) })
        };
        Ok(Self {
            dependencies: dependencies.into_iter().map(line).collect::<Result<_>>()?,
            dev_dependencies: dev_dependencies.into_iter().map(line).collect::<Result<_>>()?,
        })
    }

    /// Every crate with every feature that is listed for it.
    pub fn all(direct: &BTreeMap<String, Direct>) -> Self {
        let line = |(name, direct): (&String, &Direct)| {
            let features: Vec<&str> = direct.features.iter().map(String::as_str).collect();
            Line { name: name.clone(), toml: toml_line(name, direct, &features) }
        };
        Self { dependencies: direct.iter().map(line).collect(), dev_dependencies: Vec::new() }
    }

    /// The names of all crates that the project itself depends on.
    pub fn names(&self) -> BTreeSet<&str> {
        self.dependencies.iter().chain(&self.dev_dependencies).map(|line| line.name.as_str()).collect()
    }
}

fn crates<'a>(parts: &[&'a Part], pick: fn(&Part) -> &BTreeMap<String, Dependency>) -> Crates<'a> {
    let mut crates = Crates::new();
    for part in parts {
        for (name, dependency) in pick(part) {
            crates.entry(name).or_default().extend(dependency.features.iter().map(String::as_str));
        }
    }
    crates
}

/// What every project gets, then what the chosen parts claim.
fn features<'a>(direct: &'a Direct, chosen: &BTreeSet<&'a str>, claimed: &BTreeSet<&str>) -> Vec<&'a str> {
    let common = direct.features.iter().map(String::as_str).filter(|feature| !claimed.contains(feature));
    common.chain(chosen.iter().copied()).collect()
}

fn toml_line(name: &str, direct: &Direct, features: &[&str]) -> String {
    let place = place(direct);
    if direct.default_features && features.is_empty() && place.is_empty() {
        return format!("{name} = {:?}", direct.version);
    }
    let defaults = if direct.default_features { "" } else { ", default-features = false" };
    let features = if features.is_empty() { String::new() } else { format!(", features = {features:?}") };
    format!("{name} = {{ version = {:?}{place}{defaults}{features} }}", direct.version)
}

/// Where a crate that is not on crates.io comes from.
fn place(direct: &Direct) -> String {
    let registry = direct.registry.iter().map(|name| format!(", registry = {name:?}"));
    let git = direct.git.iter().map(|url| format!(", git = {url:?}"));
    let reference = direct.reference.iter().map(|reference| format!(", {reference}"));
    registry.chain(git).chain(reference).collect()
}

fn unlocked(catalog: &Catalog, parts: &[&Part], name: &str) -> Error {
    let names =
        |part: &&&Part| part.dependencies.contains_key(name) || part.dev_dependencies.contains_key(name);
    let error = Error::usage(format!("no lock knows the crate `{name}`"));
    match parts.iter().find(names) {
        Some(part) if catalog.is_own(part) => {
            error.at(&part.manifest, None).help("resolve it: formwork preset lock PRESET")
        }
        Some(part) => error.at(&part.manifest, None).help(OURS),
        None => error.help(OURS),
    }
}

const OURS: &str = "add it to dependencies/Cargo.toml, then: cargo xtask lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_no_more_than_is_needed() {
        let direct = |default_features, features: &[&str]| Direct {
            version: "1.2".into(),
            default_features,
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
            registry: None,
            git: None,
            reference: None,
            locked: semver::Version::new(1, 2, 3),
        };
        for (direct, chosen, claimed, expected) in [
            (direct(true, &[]), &[][..], &[][..], r#"x = "1.2""#),
            (direct(false, &[]), &[], &[], r#"x = { version = "1.2", default-features = false }"#),
            (direct(true, &["a", "b"]), &[], &["b"], r#"x = { version = "1.2", features = ["a"] }"#),
            (
                direct(false, &["a", "b", "c"]),
                &["c"],
                &["b", "c"],
                r#"x = { version = "1.2", default-features = false, features = ["a", "c"] }"#,
            ),
        ] {
            let set = |names: &[&'static str]| names.iter().copied().collect();
            let features = features(&direct, &set(chosen), &set(claimed));
            assert_eq!(toml_line("x", &direct, &features), expected);
        }
        let git = Direct {
            git: Some("https://git.example.org/x".into()),
            reference: Some("tag = \"v1\"".into()),
            ..direct(true, &[])
        };
        let expected = r#"x = { version = "1.2", git = "https://git.example.org/x", tag = "v1" }"#;
        assert_eq!(toml_line("x", &git, &[]), expected);
        let registry = Direct { registry: Some("acme".into()), ..direct(true, &[]) };
        assert_eq!(toml_line("x", &registry, &[]), r#"x = { version = "1.2", registry = "acme" }"#);
    }
}
