//! What compiled crates depend on besides themselves. Cargo tells units apart by finer rules; the key
//! only keeps apart what can never fit, so that it need not be looked through.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::check::project::Project;

/// Grows when the layout of a cached unit changes.
const LAYOUT: u32 = 1;

/// Variables that reach the compiler, exact names and beginnings of names.
const NAMES: [&str; 10] =
    ["RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "CC", "CXX", "AR", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "SDKROOT"];
const BEGINNINGS: [&str; 5] =
    ["CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_UNSTABLE_"];

pub fn key(project: &Project) -> String {
    let mut text = format!("layout {LAYOUT}\n{}\n", project.rustc.verbose);
    // Build scripts and debug information hold paths into the registry's sources.
    let _ = writeln!(text, "sources {}", cargo_home().display());
    let mut variables: Vec<_> = env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            matters(&name).then(|| format!("{name}={}", value.to_string_lossy()))
        })
        .collect();
    variables.sort();
    let _ = writeln!(text, "{}", variables.join("\n"));
    let _ = writeln!(text, "{}", profiles(&project.workspace));
    hex(&Sha256::digest(text.as_bytes()))[..16].to_owned()
}

fn matters(name: &str) -> bool {
    name != "CARGO_TARGET_DIR"
        && (NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)))
}

fn cargo_home() -> PathBuf {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
        .unwrap_or_default()
}

/// The profiles that a check compiles with; what others say reaches no unit of it.
fn profiles(workspace: &Path) -> String {
    let manifest = fs::read_to_string(workspace.join("Cargo.toml")).unwrap_or_default();
    profiles_of(&manifest)
}

fn profiles_of(manifest: &str) -> String {
    let table: toml::Table = manifest.parse().unwrap_or_default();
    let profile = |name: &str| table.get("profile")?.get(name).map(|profile| format!("{name} {profile}"));
    ["dev", "test"].iter().filter_map(|name| profile(name)).collect::<Vec<_>>().join("\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_profiles_of_a_check_tell_caches_apart() {
        let dev = "[profile.dev]\ndebug = 1\n";
        let release = "[profile.release]\nlto = true\n";
        assert_eq!(profiles_of(&format!("{dev}{release}")), profiles_of(dev));
        assert_ne!(profiles_of(dev), profiles_of("[profile.dev]\ndebug = 2\n"));
        assert_ne!(profiles_of(dev), profiles_of("[profile.test]\ndebug = 1\n"));
    }
}
