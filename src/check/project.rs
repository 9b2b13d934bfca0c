//! What a check needs to know of a project, as cargo itself sees it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use super::cargo;
use crate::error::{Error, Result};

const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This file is a cache directory tag; see https://bford.info/cachedir/\n";

#[derive(Debug)]
pub struct Project {
    /// The folder that holds the package's `Cargo.toml`.
    pub folder: PathBuf,
    pub name: String,
    /// The folder of `Cargo.lock` and of the profiles: another one only for a workspace's member.
    pub workspace: PathBuf,
    /// Where finished programs go.
    pub target: PathBuf,
    /// Where compiled crates go: the same folder unless the user's configuration says otherwise.
    pub build: PathBuf,
    /// The binary that `cargo run` would start.
    pub binary: Option<String>,
    /// The toolchain that the project names in `rust-toolchain.toml`.
    pub proven: Option<String>,
    /// The toolchain that cargo uses here.
    pub rustc: RustcVersion,
}

#[derive(Clone, Debug)]
pub struct RustcVersion {
    pub release: String,
    /// All of `rustc -vV`: the identity of a compiler.
    pub verbose: String,
}

impl RustcVersion {
    /// Such as `x86_64-unknown-linux-gnu`.
    pub fn host(&self) -> Option<&str> {
        self.verbose.lines().find_map(|line| line.strip_prefix("host: "))
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
    build_directory: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    default_run: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Says what is wrong where no project can be, before cargo is asked about it.
pub fn expect(path: &Path) -> Result<()> {
    let wrong = match (path.is_dir(), path.join("Cargo.toml").is_file()) {
        (true, true) => return Ok(()),
        (true, false) => format!("{} is no project: it has no Cargo.toml", path.display()),
        (false, _) => format!("{} is no project: there is no such folder", path.display()),
    };
    Err(Error::usage(wrong)
        .help("name the project's folder: formwork check PATH")
        .help("or make a project: formwork new PATH"))
}

impl Project {
    pub fn load(path: &Path) -> Result<Self> {
        expect(path)?;
        let folder = fs::canonicalize(path)
            .map_err(|error| Error::usage(format!("cannot open {}", path.display())).cause(error))?;
        let metadata = metadata(&folder)?;
        let manifest = folder.join("Cargo.toml");
        let package =
            metadata.packages.into_iter().find(|package| package.manifest_path == manifest).ok_or_else(
                || {
                    Error::usage("this Cargo.toml describes a workspace, not a service")
                        .at(&manifest, None)
                        .help("name the folder of one member: formwork check PATH")
                },
            )?;
        Ok(Self {
            binary: package.binary(),
            name: package.name,
            workspace: metadata.workspace_root,
            build: metadata.build_directory.unwrap_or_else(|| metadata.target_directory.clone()),
            target: metadata.target_directory,
            proven: proven_toolchain(&folder),
            rustc: rustc_version(&folder)?,
            folder,
        })
    }

    /// Whether lints are the project's verdict (its own toolchain) or news (a newer one has more lints).
    pub fn denies_lints(&self) -> bool {
        let exact = |channel: &&String| channel.starts_with(|first: char| first.is_ascii_digit());
        self.proven.as_ref().filter(exact).is_none_or(|proven| {
            self.rustc.release == *proven || self.rustc.release.starts_with(&format!("{proven}."))
        })
    }

    /// Where `cargo build` puts the binary.
    pub fn binary_path(&self) -> Option<PathBuf> {
        let name = self.binary.as_ref()?;
        Some(self.target.join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
    }

    /// Makes the target folder as cargo would: backup programs leave out what has this tag.
    pub fn make_target(&self) -> Result<()> {
        if self.target.exists() {
            return Ok(());
        }
        let make = fs::create_dir_all(&self.target);
        make.and_then(|()| fs::write(self.target.join("CACHEDIR.TAG"), CACHEDIR_TAG)).map_err(|error| {
            Error::failed("cannot make the target folder")
                .at(&self.target, None)
                .cause(error)
                .help("make the project's folder writable")
        })
    }

    pub fn logs(&self) -> PathBuf {
        self.target.join("formwork")
    }
}

impl Package {
    fn binary(&self) -> Option<String> {
        let binaries = || self.targets.iter().filter(|target| target.kind.iter().any(|kind| kind == "bin"));
        self.default_run
            .clone()
            .or_else(|| binaries().find(|target| target.name == self.name).map(|target| target.name.clone()))
            .or_else(|| binaries().next().map(|target| target.name.clone()))
    }
}

fn metadata(folder: &Path) -> Result<Metadata> {
    let mut command = cargo::command(folder, "metadata");
    command.args(["--no-deps", "--offline", "--format-version", "1"]);
    let output = output(&mut command)?;
    serde_json::from_slice(&output)
        .map_err(|error| Error::failed("cargo metadata says something unexpected").cause(error))
}

fn rustc_version(folder: &Path) -> Result<RustcVersion> {
    let output = output(cargo::tool(folder, "rustc").arg("-vV"))?;
    let verbose = String::from_utf8_lossy(&output).into_owned();
    let release = verbose.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or("unknown");
    Ok(RustcVersion { release: release.to_owned(), verbose })
}

fn output(command: &mut Command) -> Result<Vec<u8>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::missing(format!("cannot run {program}")).cause(error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::failed(format!("{program} cannot read the project"))
        .cause(said.trim().trim_start_matches("error: ")))
}

/// The channel of `rust-toolchain.toml`; an unreadable file is rustup's to complain about.
fn proven_toolchain(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("rust-toolchain.toml")).ok()?;
    let file: toml::Table = text.parse().ok()?;
    file.get("toolchain")?.get("channel")?.as_str().map(str::to_owned)
}
