//! The compiler's place while lints run.
//!
//! Cargo calls the program in `RUSTC_WORKSPACE_WRAPPER` instead of rustc for the project's own crates. This
//! program is that wrapper: it calls clippy's driver, but asks it for metadata only, because nothing that
//! it would generate and link is ever run. Cargo looks for the files that were asked for, so empty ones stand
//! in for them; and whoever depends on such an empty library is shown its metadata. Dependencies are
//! compiled by plain rustc as always.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::atomic::{AtomicBool, Ordering},
};

/// Holds the path of clippy's driver: whoever is called with it is called in rustc's place.
pub const DRIVER: &str = "FORMWORK_LINT_DRIVER";

/// Whether this process's program looks for [`DRIVER`] when it starts.
static CAN_STAND_IN: AtomicBool = AtomicBool::new(false);

/// For the start of `main`: does rustc's work if cargo called this program for it.
pub fn stand_in_if_called() -> Option<ExitCode> {
    CAN_STAND_IN.store(true, Ordering::Relaxed);
    let driver = env::var_os(DRIVER)?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let is_rustc = arguments.first().is_some_and(|program| Path::new(program).ends_with("rustc"));
    is_rustc.then(|| compile(&driver.into(), &arguments).unwrap_or(ExitCode::FAILURE))
}

/// The program that can be put in rustc's place, if this one is it.
pub fn program() -> Option<PathBuf> {
    CAN_STAND_IN.load(Ordering::Relaxed).then(env::current_exe)?.ok()
}

fn compile(driver: &PathBuf, arguments: &[OsString]) -> io::Result<ExitCode> {
    let text: Option<Vec<&str>> = arguments.iter().map(|argument| argument.to_str()).collect();
    let unit = text.as_deref().and_then(Unit::read);
    let status = match &unit {
        Some(unit) => Command::new(driver).args(&unit.arguments).status()?,
        // Build scripts and procedural macros are run, so they are compiled in full; so is what is unknown.
        None => Command::new(driver).args(arguments).status()?,
    };
    if let (true, Some(placeholder)) = (status.success(), unit.and_then(|unit| unit.placeholder)) {
        File::create(placeholder)?;
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// A unit that can be linted by its metadata.
#[derive(Debug, PartialEq)]
struct Unit {
    arguments: Vec<String>,
    /// The file that cargo will look for. A program has none: cargo would put it where the real one belongs.
    placeholder: Option<PathBuf>,
}

impl Unit {
    fn read(arguments: &[&str]) -> Option<Self> {
        let after = |flag: &str| {
            let position = arguments.iter().position(|argument| *argument == flag)?;
            arguments.get(position + 1).copied()
        };
        let name = after("--crate-name")?;
        let kind = after("--crate-type");
        let is_test = arguments.contains(&"--test");
        let emits = arguments.iter().find_map(|argument| argument.strip_prefix("--emit="))?;
        let is_program = matches!(kind, Some("bin"));
        let is_run = name.starts_with("build_script_") || !(is_test || is_program || kind == Some("lib"));
        if is_run || !emits.split(',').any(|emit| emit == "link") {
            return None;
        }
        let suffix = arguments.iter().find_map(|argument| argument.strip_prefix("extra-filename="))?;
        let file = match (is_test, is_program) {
            (true, _) => Some(format!("{name}{suffix}")),
            (false, true) => None,
            (false, false) => Some(format!("lib{name}{suffix}.rlib")),
        };
        let folder = Path::new(after("--out-dir")?);
        Some(Self {
            arguments: arguments.iter().map(|argument| for_metadata(argument)).collect(),
            placeholder: file.map(|file| folder.join(file)),
        })
    }
}

fn for_metadata(argument: &str) -> String {
    if argument.starts_with("--emit=") {
        return "--emit=dep-info,metadata".to_owned();
    }
    let metadata = argument.split_once('=').and_then(|(name, path)| {
        let metadata = Path::new(path.strip_suffix(".rlib")?).with_extension("rmeta");
        let is_placeholder = fs::metadata(path).is_ok_and(|file| file.len() == 0);
        (is_placeholder && metadata.is_file()).then(|| format!("{name}={}", metadata.display()))
    });
    metadata.unwrap_or_else(|| argument.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(arguments: &str) -> Option<Unit> {
        Unit::read(&arguments.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn a_library_is_metadata_and_an_empty_file() {
        let unit = unit(
            "rustc --crate-name service --crate-type lib --emit=dep-info,metadata,link -C extra-filename=-8a --out-dir /t/deps",
        );
        let unit = unit.expect("a unit");
        assert!(unit.arguments.contains(&"--emit=dep-info,metadata".to_owned()));
        assert_eq!(unit.placeholder.as_deref(), Some(Path::new("/t/deps/libservice-8a.rlib")));
    }

    #[test]
    fn a_test_program_is_an_empty_file_and_a_program_none() {
        let test =
            unit("rustc --crate-name it --emit=dep-info,link --test -C extra-filename=-8a --out-dir /t/deps");
        assert_eq!(test.expect("a unit").placeholder.as_deref(), Some(Path::new("/t/deps/it-8a")));
        let program = unit(
            "rustc --crate-name orders --crate-type bin --emit=dep-info,link -C extra-filename=-8a --out-dir /t/deps",
        );
        assert_eq!(program.expect("a unit").placeholder, None);
    }

    #[test]
    fn what_is_run_is_compiled_in_full() {
        for arguments in [
            "rustc --crate-name build_script_build --crate-type bin --emit=dep-info,link -C extra-filename=-8a --out-dir /t",
            "rustc --crate-name derive --crate-type proc-macro --emit=dep-info,link -C extra-filename=-8a --out-dir /t",
            "rustc -vV",
            "rustc - --crate-name ___ --print=file-names",
        ] {
            assert_eq!(unit(arguments), None, "{arguments}");
        }
    }

    #[test]
    fn an_empty_library_is_shown_by_its_metadata() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        for (name, text) in [
            ("libown-1.rlib", ""),
            ("libown-1.rmeta", "m"),
            ("libserde-2.rlib", "r"),
            ("libserde-2.rmeta", "m"),
        ] {
            fs::write(path(name), text).expect("a file");
        }
        assert_eq!(
            for_metadata(&format!("own={}", path("libown-1.rlib"))),
            format!("own={}", path("libown-1.rmeta"))
        );
        let whole = format!("serde={}", path("libserde-2.rlib"));
        assert_eq!(for_metadata(&whole), whole);
    }
}
