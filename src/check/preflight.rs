//! What a check needs on this machine, looked for before anything starts.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use semver::Version;

use super::cargo;
use crate::error::{Error, Result};

/// The toolchain that the templates are proven with, and the oldest that builds them.
const OLDEST: Version = Version::new(1, 95, 0);
const GIB: u64 = 1 << 30;
/// A cold build of the default project with its tests takes about two thirds of this.
const COLD_BUILD: u64 = 3 * GIB;

/// Looks for everything in the current folder; see [`at`].
pub fn preflight() -> Result<()> {
    at(Path::new("."), COLD_BUILD)
}

/// Looks for cargo, rustfmt, clippy, a C compiler and `disk` bytes as a project in `folder` would find them.
pub fn at(folder: &Path, disk: u64) -> Result<()> {
    toolchain(folder)?;
    c_compiler()?;
    free_space(folder, disk)
}

/// What a check of this project may still need to write.
pub fn disk_for(build: &Path) -> u64 {
    if build.join("debug").join("deps").is_dir() { GIB } else { COLD_BUILD }
}

fn toolchain(folder: &Path) -> Result<()> {
    let version = cargo_version(folder)?;
    if version < OLDEST {
        return Err(Error::missing(format!("cargo {version} is too old: {OLDEST} or newer is needed"))
            .help(format!("rustup toolchain install {OLDEST} --component clippy,rustfmt")));
    }
    if !runs(cargo::tool(folder, "rustfmt").arg("--version")) {
        return Err(cargo::missing_component("rustfmt"));
    }
    match cargo::clippy_driver(folder) {
        Some(_) => Ok(()),
        None => Err(cargo::missing_component("clippy")),
    }
}

fn cargo_version(folder: &Path) -> Result<Version> {
    let install = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";
    let output = cargo::command(folder, "--version")
        // What rustup objects to is told to a user, who has no use for the calls that led there.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|_| Error::missing("cargo is not installed, or not on PATH").help(install))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::missing("cargo does not start here")
            .cause(said.trim().trim_start_matches("error: "))
            .help(format!("rustup toolchain install {OLDEST} --component clippy,rustfmt")));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    said.split_whitespace().nth(1).and_then(|version| Version::parse(version).ok()).ok_or_else(|| {
        Error::missing(format!("cargo does not say its version, but: {}", said.trim())).help(install)
    })
}

fn c_compiler() -> Result<()> {
    let chosen = env::var("CC").ok().filter(|chosen| !chosen.is_empty());
    let program = chosen.as_deref().unwrap_or("cc");
    if runs(Command::new(program).arg("--version")) {
        return Ok(());
    }
    let error = Error::missing(format!("no C compiler: {program} does not run; SQLite is compiled with it"));
    Err(error.help(how_to_get_a_c_compiler()))
}

fn how_to_get_a_c_compiler() -> &'static str {
    if cfg!(target_os = "macos") {
        return "xcode-select --install";
    }
    let managers = [
        ("apt-get", "sudo apt-get install build-essential"),
        ("dnf", "sudo dnf install gcc"),
        ("pacman", "sudo pacman -S base-devel"),
        ("apk", "sudo apk add build-base"),
        ("zypper", "sudo zypper install gcc"),
    ];
    let found = managers.iter().find(|(program, _)| on_path(program));
    found.map_or("install gcc or clang with the system's package manager", |(_, command)| command)
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn runs(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn free_space(folder: &Path, needed: u64) -> Result<()> {
    // A file system that does not tell is no reason to refuse.
    let Ok(stat) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free >= needed {
        return Ok(());
    }
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / GIB as f64);
    Err(Error::missing(format!("{} of disk is free, the check needs {}", gib(free), gib(needed)))
        .at(folder, None)
        .help("df -h . shows what is full; formwork cache clear frees what earlier checks kept"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn a_disk_that_is_too_small_is_said_with_what_frees_some() {
        let here = Path::new(".");
        assert!(free_space(here, 0).is_ok());
        let error = free_space(here, u64::MAX).expect_err("no disk is that large");
        assert_eq!(error.status, Status::Missing);
        assert!(error.help.iter().any(|help| help.contains("formwork cache clear")), "{error:?}");
    }
}
