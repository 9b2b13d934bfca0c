//! What cargo says while it compiles: artifacts, diagnostics and progress.

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;

/// One thing that a line of cargo's output can mean.
#[derive(Debug, PartialEq)]
pub enum Message {
    Artifact(Artifact),
    Diagnostic(Diagnostic),
    /// `done` of `total` units of work, and what is being compiled.
    Progress {
        done: u64,
        total: u64,
        what: String,
    },
    /// Anything else: status lines, and errors of cargo itself.
    Text(String),
    /// For machines only.
    Noise,
}

/// A compiled unit: a library, a program, or the run of a build script.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Artifact {
    pub package: PackageId,
    /// The hash that names the unit's files in the target folder; none for finished programs.
    pub unit: Option<String>,
    /// Nothing had to be compiled. A build script's run does not say; it goes with its package.
    pub fresh: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageId {
    pub name: String,
    pub version: String,
    pub from_registry: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    pub is_error: bool,
    /// The compiler's own errors have a number, such as `E0308`; lints have a name.
    pub is_lint: bool,
    /// With colours; strip them where they do not belong.
    pub rendered: String,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Raw {
    CompilerArtifact {
        package_id: String,
        filenames: Vec<String>,
        fresh: bool,
    },
    BuildScriptExecuted {
        package_id: String,
        out_dir: String,
    },
    CompilerMessage {
        message: RawDiagnostic,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct RawDiagnostic {
    level: String,
    code: Option<RawCode>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct RawCode {
    code: String,
}

impl Message {
    pub fn read(line: &str) -> Self {
        if line.starts_with("{\"reason\"") {
            return serde_json::from_str(line).map_or(Self::Noise, Self::from_raw);
        }
        read_progress(line).unwrap_or_else(|| match line.trim() {
            "" => Self::Noise,
            _ => Self::Text(line.to_owned()),
        })
    }

    fn from_raw(raw: Raw) -> Self {
        match raw {
            Raw::CompilerArtifact { package_id, filenames, fresh } => {
                let unit = filenames.iter().find_map(|file| unit_of_file(Path::new(file)));
                Self::Artifact(Artifact { package: PackageId::read(&package_id), unit, fresh })
            }
            Raw::BuildScriptExecuted { package_id, out_dir } => {
                let unit = Path::new(&out_dir).parent().and_then(hash_of);
                Self::Artifact(Artifact { package: PackageId::read(&package_id), unit, fresh: true })
            }
            Raw::CompilerMessage { message } => message.read(),
            Raw::Other => Self::Noise,
        }
    }
}

impl RawDiagnostic {
    fn read(self) -> Message {
        let is_error = self.level.starts_with("error");
        let code = self.code.map(|code| code.code);
        let numbered = |code: &String| code.starts_with('E') && code[1..].bytes().all(|b| b.is_ascii_digit());
        match self.rendered {
            Some(rendered) if is_summary(&rendered) => Message::Text(rendered.trim().to_owned()),
            Some(rendered) if is_error || self.level == "warning" => Message::Diagnostic(Diagnostic {
                is_error,
                is_lint: code.is_some_and(|code| !numbered(&code)),
                rendered,
            }),
            _ => Message::Noise,
        }
    }
}

/// The compiler ends with a count of what it has already said.
fn is_summary(rendered: &str) -> bool {
    let text = anstream::adapter::strip_str(rendered).to_string();
    text.starts_with("error: aborting due to") || text.trim_end().ends_with("emitted")
}

impl PackageId {
    /// `registry+https://…#serde@1.0.229`, `path+file:///srv/orders#0.1.0` or `…/folder#orders@0.1.0`.
    fn read(id: &str) -> Self {
        let (source, what) = id.rsplit_once('#').unwrap_or((id, ""));
        let (name, version) =
            what.split_once('@').unwrap_or_else(|| (source.rsplit('/').next().unwrap_or_default(), what));
        let from_registry = source.starts_with("registry+") || source.starts_with("sparse+");
        Self { name: name.to_owned(), version: version.to_owned(), from_registry }
    }
}

/// `…/deps/libserde-0123456789abcdef.rlib` or `…/build/serde-0123456789abcdef/build-script-build`.
fn unit_of_file(file: &Path) -> Option<String> {
    let folder = file.parent()?;
    match folder.file_name()?.to_str()? {
        "deps" => hash_of(&file.with_extension("")),
        _ => hash_of(folder),
    }
}

/// The hash at the end of a name such as `serde-0123456789abcdef`.
fn hash_of(path: &Path) -> Option<String> {
    let (_, hash) = path.file_name()?.to_str()?.rsplit_once('-')?;
    is_hash(hash).then(|| hash.to_owned())
}

pub fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `    Building [=====>    ] 19/24: serde, syn`
fn read_progress(line: &str) -> Option<Message> {
    let rest = line.trim_start().strip_prefix("Building [")?;
    let (counts, what) = rest.split_once("] ")?.1.split_once(':')?;
    let (done, total) = counts.split_once('/')?;
    let what = what.trim().to_owned();
    Some(Message::Progress { done: done.trim().parse().ok()?, total: total.trim().parse().ok()?, what })
}

/// Everything that the cargo calls of one check compiled or found compiled.
#[derive(Debug, Default)]
pub struct Compiled {
    pub artifacts: BTreeSet<Artifact>,
}

impl Compiled {
    pub fn add(&mut self, artifact: Artifact) {
        self.artifacts.insert(artifact);
    }

    pub fn registry_crates(&self) -> usize {
        self.count(|_| true)
    }

    pub fn compiled_registry_crates(&self) -> usize {
        self.count(|artifact| !artifact.fresh)
    }

    fn count(&self, counts: impl Fn(&Artifact) -> bool) -> usize {
        let packages: BTreeSet<_> = self
            .artifacts
            .iter()
            .filter(|artifact| artifact.package.from_registry && counts(artifact))
            .map(|artifact| &artifact.package)
            .collect();
        packages.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_names_its_package_and_unit() {
        let line = r#"{"reason":"compiler-artifact","package_id":"registry+https://example.org/index#serde@1.0.229","manifest_path":"/x","target":{},"filenames":["/t/debug/deps/libserde-13aa3cc0db52b3aa.rlib","/t/debug/deps/libserde-13aa3cc0db52b3aa.rmeta"],"executable":null,"fresh":false}"#;
        let Message::Artifact(artifact) = Message::read(line) else { panic!("not an artifact") };
        assert_eq!(artifact.package.name, "serde");
        assert_eq!(artifact.package.version, "1.0.229");
        assert!(artifact.package.from_registry);
        assert_eq!(artifact.unit.as_deref(), Some("13aa3cc0db52b3aa"));
        assert!(!artifact.fresh);
    }

    #[test]
    fn build_scripts_and_their_runs_are_units_of_their_folders() {
        let compiled = r#"{"reason":"compiler-artifact","package_id":"registry+https://example.org/index#serde@1.0.229","filenames":["/t/debug/build/serde-c49b9d8e54ebd077/build-script-build"],"fresh":true}"#;
        let run = r#"{"reason":"build-script-executed","package_id":"registry+https://example.org/index#serde@1.0.229","linked_libs":[],"out_dir":"/t/debug/build/serde-d25c84342462f9b4/out"}"#;
        for (line, unit) in [(compiled, "c49b9d8e54ebd077"), (run, "d25c84342462f9b4")] {
            let Message::Artifact(artifact) = Message::read(line) else { panic!("not an artifact") };
            assert_eq!(artifact.unit.as_deref(), Some(unit));
        }
    }

    #[test]
    fn own_packages_are_told_from_the_registrys() {
        let own = PackageId::read("path+file:///srv/orders#0.1.0");
        assert_eq!((own.name.as_str(), own.version.as_str(), own.from_registry), ("orders", "0.1.0", false));
        let renamed = PackageId::read("path+file:///srv/folder#orders@0.1.0");
        assert_eq!((renamed.name.as_str(), renamed.from_registry), ("orders", false));
    }

    #[test]
    fn progress_is_what_cargo_draws() {
        let line = "    Building [====================>      ] 19/24: exp, exp(test)              ";
        assert_eq!(
            Message::read(line),
            Message::Progress { done: 19, total: 24, what: "exp, exp(test)".to_owned() }
        );
    }

    #[test]
    fn a_lint_is_told_from_an_error_of_the_compiler() {
        let read = |code: &str| {
            let line = format!(
                r#"{{"reason":"compiler-message","message":{{"level":"error","code":{{"code":"{code}"}},"rendered":"x"}}}}"#
            );
            match Message::read(&line) {
                Message::Diagnostic(diagnostic) => diagnostic,
                other => panic!("{other:?}"),
            }
        };
        assert!(!read("E0308").is_lint);
        assert!(read("clippy::len_zero").is_lint);
        assert!(read("clippy::len_zero").is_error);
    }
}
