//! `cargo xtask lock`: one annotated lock of all parts, made with cargo's own resolver.
//!
//! Cargo resolves the base with each part alone, from the versions of `dependencies/Cargo.lock`; what it
//! keeps is what that part needs. The union over a plan's parts is then the plan's exact lock.

use std::{fs, path::Path};

use formwork::{
    catalog::{Catalog, Source},
    error::{Error, Result},
    lock::{CargoLock, Master, Parts},
    resolver::{Needs, lock_of, resolve},
};

use crate::dependencies;

const TARGET: &str = "templates/lock.toml";
const MANIFEST: &str = "dependencies/Cargo.toml";
const LOCK: &str = "dependencies/Cargo.lock";

pub(crate) fn write(home: &Path) -> Result<()> {
    let made = make(home)?;
    for (file, text) in [(TARGET, made.master), (LOCK, made.lock)] {
        fs::write(home.join(file), text).map_err(|error| io(&home.join(file), error))?;
    }
    Ok(())
}

pub(crate) fn compare(home: &Path) -> Result<()> {
    let made = make(home)?;
    for (file, text) in [(TARGET, made.master), (LOCK, made.lock)] {
        if read(&home.join(file))? != text {
            let error = Error::failed("this lock is not what the manifests need").at(file, None);
            return Err(error.help("cargo xtask lock"));
        }
    }
    Ok(())
}

struct Made {
    master: String,
    /// The lock of `dependencies/Cargo.toml`, with what that lacked.
    lock: String,
}

fn make(home: &Path) -> Result<Made> {
    let catalog = Catalog::load(Source::folder(&home.join("templates"))?)?;
    let manifest = home.join(MANIFEST);
    let folder = tempfile::tempdir().map_err(|error| io(Path::new("a temporary folder"), error))?;
    let text = resolve(folder.path(), &read(&manifest)?, &read(&home.join(LOCK)).unwrap_or_default())?;
    let lock = parse(&text)?;
    let mut direct = dependencies::read(&manifest, &lock)?;
    dependencies::check_features(&catalog, &direct, &manifest)?;
    for name in dependencies::unused(&catalog, &direct) {
        eprintln!("note: no part uses `{name}` of {MANIFEST}");
    }
    direct.retain(|name, _| catalog.option_features().contains_key(name.as_str()));
    let parts = Parts::new(catalog.parts().map(|part| part.id.clone()).collect())
        .ok_or_else(|| Error::failed("there are more parts than a set can hold"))?;
    let mut needs = Needs::default();
    for part in catalog.parts() {
        let bit = parts.one(&part.id).unwrap_or_default();
        let with_part = [catalog.base(), part];
        needs.add(&parse(&lock_of(&catalog, &with_part, &direct, folder.path(), &text)?)?, bit);
    }
    Ok(Made { master: Master { packages: needs.packages(&lock), parts, direct }.print(), lock: text })
}

fn parse(text: &str) -> Result<CargoLock> {
    CargoLock::parse(text).map_err(|cause| Error::failed("cannot read cargo's lock file").cause(cause))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| io(file, error))
}

fn io(file: &Path, error: std::io::Error) -> Error {
    Error::failed("cannot read or write").at(file, None).cause(error)
}
