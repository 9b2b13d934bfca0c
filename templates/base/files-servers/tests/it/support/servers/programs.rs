//! Installed programs: where they are, and whether they will do.

use std::{
    env, fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::Recipe;

/// The folder that has all programs of a server: the first on `PATH`, then in the recipe's own, that will do.
pub(super) fn find(recipe: &Recipe) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own = recipe
        .folders
        .split(':')
        .filter(|pattern| !pattern.is_empty());
    let mut why_not = None;
    for folder in env::split_paths(&path).chain(own.flat_map(expand)) {
        let mut programs = recipe.programs.split(' ');
        if !programs.all(|program| folder.join(program).is_file()) {
            continue;
        }
        match too_old(recipe, &folder).or_else(|| unfit(recipe, &folder)) {
            None => return Ok(folder),
            Some(problem) => why_not = why_not.or(Some(problem)),
        }
    }
    let programs = recipe.programs.replace(' ', " with ");
    Err(why_not.unwrap_or_else(|| format!("{programs} is not installed")))
}

/// As whom a server runs, where that is not whoever runs the tests: nobody, for one that refuses to run as root.
pub(super) fn user(recipe: &Recipe) -> Option<(u32, u32)> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    (is_root && !recipe.root).then(nobody)
}

fn nobody() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let nobody = users.lines().find(|line| line.starts_with("nobody:"));
    let fields = nobody.unwrap_or_default().split(':').skip(2);
    let ids: Vec<u32> = fields.flat_map(str::parse).collect();
    match ids[..] {
        [user, group, ..] => (user, group),
        _ => (65534, 65534),
    }
}

fn too_old(recipe: &Recipe, folder: &Path) -> Option<String> {
    let oldest = recipe.oldest?;
    let program = folder.join(recipe.programs.rsplit(' ').next()?);
    let mut command = Command::new(&program);
    if let Some((user, group)) = user(recipe) {
        command.uid(user).gid(group);
    }
    let said = command.arg("--version").stdin(Stdio::null()).output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let said = said.unwrap_or_default();
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let mut words = said
        .split(|c| !is_part(c))
        .map(|word| word.trim_matches('.'));
    let program = program.display();
    match words.find(|word| word.contains('.')) {
        None => Some(format!("{program} cannot be asked for its version")),
        Some(found) if numbers(found) < numbers(oldest) => {
            Some(format!("{program} is {found}, older than {oldest}"))
        }
        Some(_) => None,
    }
}

/// What the recipe's own test says, where it fails.
fn unfit(recipe: &Recipe, folder: &Path) -> Option<String> {
    let mut command = Command::new("/bin/sh");
    if let Some((user, group)) = user(recipe) {
        command.uid(user).gid(group);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let path = [folder.to_owned()]
        .into_iter()
        .chain(env::split_paths(&path));
    let tested = command
        .args(["-c", recipe.fits?])
        .env("PATH", env::join_paths(path).ok()?)
        .stdin(Stdio::null())
        .output();
    let folder = folder.display();
    match tested {
        Err(error) => Some(format!("what is in {folder} cannot be tested: {error}")),
        Ok(tested) if tested.status.success() => None,
        Ok(tested) => {
            let said = String::from_utf8_lossy(&tested.stdout);
            Some(format!("what is in {folder} {}", said.trim()))
        }
    }
}

fn numbers(text: &str) -> Vec<u32> {
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.flat_map(str::parse).collect()
}

/// The folders that a pattern names, the newest version first. `*` stands for anything within a name, `~` for home.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let (mut folders, rest) = match pattern.strip_prefix("~/") {
        Some(rest) => (env::home_dir().into_iter().collect(), rest),
        None => (vec![PathBuf::from("/")], pattern.trim_start_matches('/')),
    };
    for part in rest.split('/') {
        let below = |folder: &PathBuf| match part.split_once('*') {
            None => vec![folder.join(part)],
            Some((before, after)) => matching(folder, before, after),
        };
        folders = folders.iter().flat_map(below).collect();
    }
    folders
}

fn matching(folder: &Path, before: &str, after: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let fits = |name: &String| {
        let rest = name.strip_prefix(before);
        rest.is_some_and(|rest| rest.ends_with(after))
    };
    let mut names: Vec<String> = names.filter(fits).collect();
    names.sort_by_key(|name| numbers(name));
    names.iter().rev().map(|name| folder.join(name)).collect()
}
