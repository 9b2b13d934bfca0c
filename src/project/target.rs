//! The folder that a project is to become: what is there, and what has to be made.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use crate::error::{Error, Result};

/// A folder that is empty or does not exist.
#[derive(Clone, Debug)]
pub struct Target {
    /// Absolute, without links in the part that exists.
    pub path: PathBuf,
    /// The topmost folder that is missing, or the empty folder itself: what one rename puts into place.
    pub(super) top: PathBuf,
}

impl Target {
    pub fn inspect(path: &Path) -> Result<Self> {
        let absolute = absolute(path)?;
        match fs::symlink_metadata(&absolute) {
            Ok(_) => existing(&absolute),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing(&absolute),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(below_a_file(&absolute)),
            Err(error) => Err(Error::usage("cannot look at this folder").at(absolute, None).cause(error)),
        }
    }

    /// The folder in which `top` stands.
    pub(super) fn parent(&self) -> &Path {
        self.top.parent().unwrap_or(&self.top)
    }

    /// From `top` to the project.
    pub(super) fn inside(&self) -> &Path {
        self.path.strip_prefix(&self.top).unwrap_or(Path::new(""))
    }
}

/// The path from the root, whether or not anything is there.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::usage("this is not a path").at(path, None).cause(error))
}

fn existing(path: &Path) -> Result<Target> {
    let wrong = |message: &str| Error::usage(message).at(path, None);
    let path = path
        .canonicalize()
        .map_err(|error| wrong("a link that leads nowhere is in the way").cause(error).help(ELSEWHERE))?;
    if !path.is_dir() {
        return Err(Error::usage("a file of this name is in the way").at(path, None).help(ELSEWHERE));
    }
    let mut entries =
        fs::read_dir(&path).map_err(|error| wrong("cannot look into this folder").cause(error))?;
    if entries.next().is_none() {
        return Ok(Target { top: path.clone(), path });
    }
    let error = Error::usage("this folder exists and is not empty").at(&path, None).help(ELSEWHERE);
    Err(match path.join("formwork.toml").is_file() {
        true => {
            error.help(format!("it holds a project already; to prove it: formwork check {}", path.display()))
        }
        false => error,
    })
}

const ELSEWHERE: &str = "choose another folder, or move away what is there";

fn missing(path: &Path) -> Result<Target> {
    let there = path.ancestors().skip(1).find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let rest = path.strip_prefix(there).unwrap_or(path);
    if rest.components().any(|component| !matches!(component, Component::Normal(_))) {
        return Err(Error::usage("`..` leads out of a folder that does not exist").at(path, None));
    }
    if !there.is_dir() {
        return Err(below_a_file(path));
    }
    let there = there
        .canonicalize()
        .map_err(|error| Error::usage("cannot look at this folder").at(there, None).cause(error))?;
    let first = rest.components().next().map_or(Path::new(""), |component| Path::new(component.as_os_str()));
    Ok(Target { path: there.join(rest), top: there.join(first) })
}

fn below_a_file(path: &Path) -> Error {
    let file = path.ancestors().skip(1).find(|ancestor| ancestor.is_file()).unwrap_or(path);
    Error::usage("a part of the path is a file, not a folder").at(file, None).help("choose another folder")
}
