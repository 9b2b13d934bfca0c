//! `formwork preset lock`: the lock beside a preset, made or compared.

use std::{fs, path::Path};

use crate::{
    catalog::Catalog,
    cli::PresetLock,
    error::{Error, Result, Status},
    preset::{self, Preset, crates},
    shell,
};

pub(super) fn run(arguments: &PresetLock) -> Result<Status> {
    if !arguments.preset.is_file() {
        return Err(Error::usage("only a preset on this machine can be locked")
            .at(&arguments.preset, None)
            .help("check its repository out, and name the .toml file"));
    }
    let preset = Preset::load(&arguments.preset.to_string_lossy(), &Catalog::embedded()?)?;
    let (file, _) = &preset.lock;
    let there = fs::read_to_string(file).ok();
    let kept = there.as_deref().filter(|_| !arguments.update);
    let crates = crates::lock(&preset, kept)?;
    let replaces = preset::replaced(&preset.catalog, &preset.overlaid);
    let is_needed = crates.is_some() || !replaces.is_empty();
    let text = is_needed.then(|| preset::print(crates.as_ref(), &replaces));
    if arguments.check {
        return compare(arguments, file, there.as_deref(), text.as_deref());
    }
    write(file, text.as_deref())?;
    match &text {
        Some(_) => println!("wrote {}", file.display()),
        None => println!("{} needs no lock", arguments.preset.display()),
    }
    for package in crates.iter().flat_map(|crates| &crates.direct) {
        println!("  {} {}", package.0, package.1.locked);
    }
    Ok(Status::Fine)
}

fn compare(arguments: &PresetLock, file: &Path, there: Option<&str>, wanted: Option<&str>) -> Result<Status> {
    match there == wanted {
        true => Ok(Status::Fine),
        false => Err(Error::failed("this lock is not what the preset needs")
            .at(file, None)
            .help(format!("formwork preset lock {}", shell::path(&arguments.preset)))),
    }
}

fn write(file: &Path, text: Option<&str>) -> Result<()> {
    let written = match text {
        Some(text) => fs::write(file, text),
        None if file.exists() => fs::remove_file(file),
        None => Ok(()),
    };
    written.map_err(|error| Error::failed("cannot write the lock").at(file, None).cause(error))
}
