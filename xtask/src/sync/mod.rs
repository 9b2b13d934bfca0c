//! `cargo xtask sync`: what a project of `concurrency=threads` has in place of async sources, derived from them.
//!
//! Every Rust file below a part's folder `…-async` is told straight (`strip`) into the folder `…-threads` beside it.
//! `templates/sync.toml` says what is particular about some of them, and lists the async modules that are offered
//! blocking as well (`twin`). `--check` fails where a derived file is not what its source says.

mod calls;
mod strip;
mod tokens;
mod twin;
mod uses;
mod variants;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use formwork::error::{Error, Result};
use serde::Deserialize;

use self::{
    strip::{Manner, Test, strip},
    tokens::Refusal,
    twin::{Module, twin},
    uses::Moved,
};

const TEMPLATES: &str = "templates";
const CONFIG: &str = "templates/sync.toml";

/// The style of generated projects.
const STYLE: &str = "templates/base/files/rustfmt.toml";

const ASYNC: &str = "-async";
const THREADS: &str = "-threads";

/// Where twins are, in the folder of what they are twins of.
const BLOCKING: &str = "blocking";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What stands elsewhere for who waits, beside all twins.
    #[serde(default)]
    moved: BTreeMap<String, String>,
    /// By file.
    #[serde(default)]
    strip: BTreeMap<PathBuf, Particular>,
    /// By file.
    #[serde(default)]
    twin: BTreeMap<PathBuf, Twin>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Particular {
    #[serde(default)]
    waits: Vec<String>,
    #[serde(default)]
    keeps: Vec<String>,
    test: Option<Test>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Twin {
    #[serde(default)]
    functions: Vec<String>,
}

pub(crate) fn write(home: &Path) -> Result<()> {
    let made = make(home)?;
    for file in superfluous(home, &made)? {
        fs::remove_file(home.join(&file)).map_err(|error| io(&file, error))?;
    }
    for (file, text) in made {
        let file = home.join(file);
        if fs::read_to_string(&file).ok().as_ref() != Some(&text) {
            let folder = file.parent().unwrap_or(&file);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&file, text))
                .map_err(|error| io(&file, error))?;
        }
    }
    Ok(())
}

pub(crate) fn compare(home: &Path) -> Result<()> {
    let made = make(home)?;
    let stale =
        |(file, text): &(&PathBuf, &String)| fs::read_to_string(home.join(file)).ok().as_ref() != Some(*text);
    let stale = made.iter().find(stale).map(|(file, _)| file.clone());
    match stale.into_iter().chain(superfluous(home, &made)?).next() {
        None => Ok(()),
        Some(file) => Err(Error::failed("this file is not what its async source says")
            .at(file, None)
            .help("change the source, never what is derived of it; then: cargo xtask sync")),
    }
}

/// Every derived file's path from `home`, and its text.
fn make(home: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let text = read(&home.join(CONFIG))?;
    let config: Config = toml::from_str(&text)
        .map_err(|error| Error::failed("cannot be read").at(CONFIG, None).cause(error))?;
    let twins: BTreeMap<&Path, String> =
        config.twin.keys().map(|file| Ok((file.as_path(), module(file)?))).collect::<Result<_>>()?;
    let blocking: BTreeMap<&str, String> =
        twins.values().map(|path| (path.as_str(), twin_of(path))).collect();
    let own = config.moved.iter().map(|(from, to)| (from.as_str(), to.as_str()));
    let moved: Moved<'_> = own.chain(blocking.iter().map(|(from, to)| (*from, to.as_str()))).collect();
    let mut made = BTreeMap::new();
    let sources = sources(home, ASYNC)?;
    if let Some(gone) = config.strip.keys().find(|file| !sources.contains(&Path::new(TEMPLATES).join(file))) {
        return Err(Error::failed(format!("{} is no async source", gone.display())).at(CONFIG, None));
    }
    for source in sources {
        let usual = Particular::default();
        let name = source.strip_prefix(TEMPLATES).unwrap_or(&source);
        let Particular { waits, keeps, test } = config.strip.get(name).unwrap_or(&usual);
        let manner = Manner { waits, keeps, moved: moved.clone(), test: test.as_ref() };
        made.insert(target(&source), derive(home, &source, |text| strip(text, &manner))?);
    }
    for (file, wanted) in &config.twin {
        let path = &twins[file.as_path()];
        let inner = twins.values().filter_map(|other| other.strip_prefix(&format!("{path}::")));
        let inner: Vec<String> = inner.map(str::to_owned).collect();
        let module = Module { path, functions: &wanted.functions, inner: &inner };
        let source = Path::new(TEMPLATES).join(file);
        made.insert(twin_file(&source, path), derive(home, &source, |text| twin(text, &module))?);
    }
    Ok(made)
}

fn derive(home: &Path, source: &Path, make: impl Fn(&str) -> tokens::Result<String>) -> Result<String> {
    let text = read(&home.join(source))?;
    let style = home.join(STYLE);
    let make = |text: &str| format(&style, &make(text)?);
    let is_template = source.extension().is_some_and(|extension| extension == "jinja");
    let made = if is_template { variants::each(&text, make) } else { make(&text) };
    made.map_err(|Refusal { line, why }| Error::failed(why).at(source, Some(line)))
}

fn format(style: &Path, text: &str) -> tokens::Result<String> {
    let folder = style.parent().unwrap_or(style);
    let done = duct::cmd!("rustfmt", "--edition", "2024", "--config-path", folder)
        .stdin_bytes(text)
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run();
    match done {
        Ok(done) if done.status.success() => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        Ok(done) => {
            Err(Refusal { line: 1, why: format!("rustfmt: {}", String::from_utf8_lossy(&done.stderr)) })
        }
        Err(error) => Err(Refusal { line: 1, why: format!("rustfmt does not start: {error}") }),
    }
}

/// The Rust files below all folders of parts that end so, as paths from `home`.
fn sources(home: &Path, end: &str) -> Result<Vec<PathBuf>> {
    let mut folders = vec![PathBuf::from(TEMPLATES)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(home.join(&folder)).map_err(|error| io(&folder, error))?;
        for entry in entries {
            let path = folder.join(entry.map_err(|error| io(&folder, error))?.file_name());
            let is_within = path.iter().any(|part| part.to_string_lossy().ends_with(end));
            let name = path.to_string_lossy();
            if home.join(&path).is_dir() {
                folders.push(path);
            } else if is_within && (name.ends_with(".rs") || name.ends_with(".rs.jinja")) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Files among the derived ones that have no source any more.
fn superfluous(home: &Path, made: &BTreeMap<PathBuf, String>) -> Result<Vec<PathBuf>> {
    let there = sources(home, THREADS)?;
    Ok(there.into_iter().filter(|file| !made.contains_key(file)).collect())
}

fn target(source: &Path) -> PathBuf {
    let parts = source.iter().map(|part| part.to_string_lossy());
    parts
        .map(|part| part.strip_suffix(ASYNC).map_or(part.to_string(), |name| format!("{name}{THREADS}")))
        .collect()
}

/// The path in the crate of the module in this file.
fn module(file: &Path) -> Result<String> {
    let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let source = parts.iter().position(|part| part == "src");
    let path = source.map(|source| parts[source + 1..].join("::"));
    let path = path.and_then(|path| Some(path.strip_suffix(".rs")?.to_owned()));
    path.ok_or_else(|| {
        Error::failed(format!("{} is no file that has a twin", file.display())).at(CONFIG, None)
    })
}

fn twin_of(path: &str) -> String {
    path.replacen("::", &format!("::{BLOCKING}::"), 1)
}

/// In the folder of its source, and the `-threads` beside it.
fn twin_file(source: &Path, path: &str) -> PathBuf {
    let folders = source.iter().take_while(|part| *part != "src");
    let mut folder: PathBuf = folders.collect();
    let name =
        folder.file_name().map(|name| format!("{}{THREADS}", name.to_string_lossy())).unwrap_or_default();
    folder.set_file_name(name);
    folder.join("src").join(format!("{}.rs", twin_of(path).replace("::", "/")))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| io(file, error))
}

fn io(file: &Path, error: std::io::Error) -> Error {
    Error::failed("cannot read or write").at(file, None).cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_files_stand_beside_their_sources() {
        let stripped = target(Path::new("templates/base/files-llm-async/src/app/spend.rs"));
        assert_eq!(stripped, Path::new("templates/base/files-llm-threads/src/app/spend.rs"));
        let source = Path::new("base/files/src/data/jobs/desk.rs");
        let path = module(source).expect("a module");
        assert_eq!(path, "data::jobs::desk");
        assert_eq!(twin_file(source, &path), Path::new("base/files-threads/src/data/blocking/jobs/desk.rs"));
    }

    #[test]
    fn what_is_derived_is_what_the_templates_hold() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a home");
        compare(home).map_err(|error| error.message).expect("up to date");
    }

    #[test]
    fn a_stale_file_and_a_superfluous_one_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path();
        let put = |file: &str, text: &str| {
            let file = home.join(file);
            fs::create_dir_all(file.parent().expect("a folder"))
                .and_then(|()| fs::write(file, text))
                .expect("written");
        };
        put(CONFIG, "");
        put(STYLE, "style_edition = \"2024\"\n");
        put("templates/base/files-async/src/a.rs", "// Why.\npub async fn a() {\n    b().await;\n}\n");
        put("templates/base/files-threads/src/gone.rs", "");
        assert!(compare(home).is_err());
        write(home).expect("derived");
        compare(home).expect("up to date");
        let derived = home.join("templates/base/files-threads/src/a.rs");
        assert_eq!(read(&derived).expect("text"), "// Why.\npub fn a() {\n    b();\n}\n");
        assert!(!home.join("templates/base/files-threads/src/gone.rs").exists());
        fs::write(&derived, "pub fn a() {}\n").expect("written");
        let stale = compare(home).expect_err("stale");
        assert_eq!(stale.at.expect("a place").file, Path::new("templates/base/files-threads/src/a.rs"));
        put("templates/base/files-async/src/a.rs", "\npub fn a() {\n    async {};\n}\n");
        assert_eq!(write(home).expect_err("refused").at.expect("a place").line, Some(3));
    }
}
