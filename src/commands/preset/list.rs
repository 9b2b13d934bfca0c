//! `formwork preset list`: what there is to start from.

use std::path::{Path, PathBuf};

use serde_json::json;
use walkdir::WalkDir;

use crate::{
    catalog::Catalog,
    cli::PresetList,
    error::{Error, Result, Status},
    preset::{self, Preset},
};

pub(super) fn run(arguments: &PresetList) -> Result<Status> {
    let catalog = Catalog::embedded()?;
    let mut names = preset::shipped();
    if let Some(folder) = &arguments.folder {
        names.extend(files(folder)?.iter().map(|file| file.display().to_string()));
    }
    let presets: Vec<_> = names.into_iter().map(|name| (Preset::load(&name, &catalog), name)).collect();
    match arguments.json {
        true => {
            println!("{:#}", json!({ "schema": 1, "presets": presets.iter().map(value).collect::<Vec<_>>() }))
        }
        false => print(&presets),
    }
    // Whoever lists wants to know which do not hold.
    Ok(if presets.iter().all(|(preset, _)| preset.is_ok()) { Status::Fine } else { Status::Usage })
}

type Listed = (Result<Preset>, String);

fn value((preset, name): &Listed) -> serde_json::Value {
    match preset {
        Ok(preset) => json!({ "name": name, "description": preset.description, "error": null }),
        Err(error) => json!({ "name": name, "description": null, "error": error.to_string() }),
    }
}

fn print(presets: &[Listed]) {
    let width = presets.iter().map(|(_, name)| name.len()).max().unwrap_or_default();
    for (preset, name) in presets {
        match preset {
            Ok(preset) => anstream::println!("{name:width$}  {}", preset.description),
            Err(error) => {
                anstream::println!("{name:width$}  does not hold");
                error.print();
            }
        }
    }
}

/// The TOML files below `folder` that have a preset's first key; others are none of ours.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot =
        |error: walkdir::Error| Error::usage("cannot look into this folder").at(folder, None).cause(error);
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let path = entry.map_err(cannot)?.into_path();
        let is_lock = path.to_string_lossy().ends_with(".lock.toml");
        if path.extension().is_some_and(|extension| extension == "toml") && !is_lock && is_preset(&path) {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_preset(file: &Path) -> bool {
    // `formwork.toml` has a schema too, and what it was made with.
    let is_state = file.file_name().is_some_and(|name| name == "formwork.toml");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    !is_state && text.lines().any(|line| line.trim_start().starts_with("schema") && line.contains('='))
}
