//! Installed programs: where they are, whether they will do, and how to get them.

use std::{
    env::{self, JoinPathsError},
    ffi::OsString,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::geteuid;

use crate::catalog::Server;

/// The folder that has all programs of a server.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) folder: PathBuf,
    /// The server itself.
    pub(super) program: PathBuf,
}

/// The first on `PATH`, then in the recipe's own folders, that will do; or why none does.
pub(super) fn find(server: &Server) -> Result<Found, String> {
    let on_path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&on_path).filter(|folder| folder.is_absolute());
    let elsewhere = server.folders.iter().flat_map(|pattern| expand(pattern));
    let mut why_not = None;
    for folder in on_path.chain(elsewhere) {
        if !server.programs.iter().all(|program| folder.join(program).is_file()) {
            continue;
        }
        let program = folder.join(server.programs.last().map_or("", String::as_str));
        match too_old(server, &program).or_else(|| unfit(server, &folder)) {
            None => return Ok(Found { folder, program }),
            Some(problem) => why_not = why_not.or(Some(problem)),
        }
    }
    Err(why_not.unwrap_or_else(|| format!("{} is not installed", server.programs.join(" with "))))
}

/// The command of a package manager that is here, or of all of them.
pub(super) fn how_to_get(server: &Server) -> String {
    let manager = |command: &&String| {
        let words: Vec<&str> = command.split(' ').filter(|word| *word != "sudo").collect();
        let path = env::var_os("PATH").unwrap_or_default();
        words.first().is_some_and(|name| env::split_paths(&path).any(|folder| folder.join(name).is_file()))
    };
    server.install.iter().find(manager).cloned().unwrap_or_else(|| server.install.join("\n        or "))
}

/// The user who runs a server: whoever is here, but nobody where that is root and the server will have none of it.
pub(super) fn as_its_user(command: &mut Command, server: &Server) -> Option<(u32, u32)> {
    let nobody = (!server.root && geteuid().is_root()).then(nobody);
    if let Some((user, group)) = nobody {
        command.uid(user).gid(group);
    }
    nobody
}

fn too_old(server: &Server, program: &Path) -> Option<String> {
    let oldest = server.oldest.as_deref()?;
    let mut command = Command::new(program);
    as_its_user(&mut command, server);
    let output = command.arg("--version").stdin(Stdio::null()).output();
    let name = program.display();
    match output.ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()) {
        None => Some(format!("{name} cannot be run{}", if server.root { "" } else { " by the user nobody" })),
        Some(said) => match version(&said) {
            None => Some(format!("{name} does not say its version")),
            Some(found) if numbers(found) < numbers(oldest) => {
                Some(format!("{name} is {found}, and {oldest} is the oldest that will do"))
            }
            Some(_) => None,
        },
    }
}

/// The caller's `PATH`, and this folder before all others.
pub(super) fn path_before(folder: &Path) -> Result<OsString, JoinPathsError> {
    let path = env::var_os("PATH");
    env::join_paths([folder.to_owned()].into_iter().chain(path.iter().flat_map(env::split_paths)))
}

/// What the recipe's own test says of the programs in a folder, where that fails.
fn unfit(server: &Server, folder: &Path) -> Option<String> {
    let test = server.fits.as_deref()?;
    let mut command = Command::new("/bin/sh");
    as_its_user(&mut command, server);
    let path = path_before(folder).ok()?;
    let output = command.args(["-c", test]).env("PATH", path).stdin(Stdio::null()).output();
    let folder = folder.display();
    match output {
        Err(error) => Some(format!("what is in {folder} cannot be tested: {error}")),
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("what is in {folder} {}", String::from_utf8_lossy(&output.stdout).trim())),
    }
}

/// The first words' first number with dots in it.
fn version(said: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let candidates = said.split(|c: char| !is_part(c)).map(|text| text.trim_matches('.'));
    candidates.into_iter().find(|text| text.contains('.'))
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}

/// The folders that a pattern names, the newest version first. `*` stands for anything within a name, `~` for home.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let (mut folders, rest) = match pattern.strip_prefix("~/") {
        Some(rest) => (env::home_dir().into_iter().collect(), rest),
        None => (vec![PathBuf::from("/")], pattern.trim_start_matches('/')),
    };
    for part in rest.split('/') {
        folders = match part.split_once('*') {
            None => folders.into_iter().map(|folder| folder.join(part)).collect(),
            Some((before, after)) => {
                folders.iter().flat_map(|folder| matching(folder, before, after)).collect()
            }
        };
    }
    folders
}

fn matching(folder: &Path, before: &str, after: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let fits = |name: &String| {
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
    };
    let mut names: Vec<String> = names.filter(fits).collect();
    let number = |name: &str| -> Vec<u32> {
        name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    names.sort_by(|a, b| (number(b), b).cmp(&(number(a), a)));
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// The user without rights.
fn nobody() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let fields =
        users.lines().find(|line| line.starts_with("nobody:")).unwrap_or_default().split(':').skip(2);
    let ids: Vec<u32> = fields.take(2).filter_map(|field| field.parse().ok()).collect();
    match ids[..] {
        [user, group] => (user, group),
        _ => (65534, 65534),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_say_them_and_compared_as_numbers() {
        for (said, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some("15.18")),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", Some("7.0.15")),
            ("nats-server: v2.15.1", Some("2.15.1")),
            ("no version", None),
        ] {
            assert_eq!(version(said), expected);
        }
        assert!(numbers("2.9.10") < numbers("2.10"));
        assert!(numbers("15.18") >= numbers("15"));
    }

    #[test]
    fn the_newest_of_several_folders_is_first() {
        let home = tempfile::tempdir().unwrap();
        for version in ["9", "15", "18"] {
            fs::create_dir_all(home.path().join(version).join("bin")).unwrap();
        }
        let found = expand(&format!("{}/*/bin", home.path().display()));
        let expected: Vec<_> = ["18", "15", "9"].iter().map(|v| home.path().join(v).join("bin")).collect();
        assert_eq!(found, expected);
        assert_eq!(expand("/no/such/*/folder"), Vec::<PathBuf>::new());
    }
}
