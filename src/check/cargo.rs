//! How a check calls cargo and the tools beside it.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{linter, project::Project};
use crate::error::{Error, Result};

/// clippy's driver reads its arguments from one variable, separated by this word (as cargo-clippy sends them).
const CLIPPY_SEPARATOR: &str = "__CLIPPY_HACKERY__";

/// A tool of the toolchain that the project in `folder` names.
pub fn tool(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    // Under `cargo run`, rustup has put its choice for *that* project into the environment.
    if env::var_os("CARGO").is_some() {
        command.env_remove("RUSTUP_TOOLCHAIN");
    }
    command
}

/// `cargo SUBCOMMAND` in the project.
pub fn command(folder: &Path, subcommand: &str) -> Command {
    let mut command = tool(folder, "cargo");
    command.arg(subcommand);
    command
}

/// A cargo command that compiles: locked, talking JSON, drawing the progress that we count by.
pub fn compile(project: &Project, subcommand: &str, offline: bool) -> Command {
    let mut command = command(&project.folder, subcommand);
    command.arg("--locked").arg("--message-format=json-diagnostic-rendered-ansi");
    if offline {
        command.arg("--offline");
    }
    command
        .env("CARGO_TERM_QUIET", "false")
        .env("CARGO_TERM_VERBOSE", "false")
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "100");
    command
}

/// Downloads what this machine's compiler will need, or looks whether it is here.
pub fn fetch(project: &Project, offline: bool) -> Command {
    let mut command = command(&project.folder, "fetch");
    command.arg("--locked").env("CARGO_TERM_COLOR", "never");
    // Without it, crates for other systems would be asked for too.
    if let Some(host) = project.rustc.host() {
        command.args(["--target", host]);
    }
    if offline {
        command.arg("--offline");
    }
    command
}

/// Lints as a build: clippy's driver takes rustc's place ([`linter`]) for the project's own crates only, so
/// the dependencies that this compiles are the ones that build and test use.
pub fn lint(project: &Project, offline: bool) -> Result<Command> {
    let driver = clippy_driver(&project.folder).ok_or_else(|| missing_component("clippy"))?;
    let arguments =
        if project.denies_lints() { format!("-Dwarnings{CLIPPY_SEPARATOR}") } else { String::new() };
    let mut command = compile(project, "build", offline);
    let wrapper = linter::program().unwrap_or_else(|| driver.clone());
    command.arg("--all-targets").env("CLIPPY_ARGS", arguments);
    command.env("RUSTC_WORKSPACE_WRAPPER", wrapper).env(linter::DRIVER, driver);
    Ok(command)
}

/// Beside the compiler in its toolchain, as `cargo clippy` finds it.
pub fn clippy_driver(folder: &Path) -> Option<PathBuf> {
    let output = tool(folder, "rustc").args(["--print", "sysroot"]).stdin(Stdio::null()).output().ok()?;
    let sysroot = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let driver = sysroot.join("bin").join(format!("clippy-driver{}", env::consts::EXE_SUFFIX));
    driver.is_file().then_some(driver)
}

pub fn missing_component(component: &str) -> Error {
    Error::missing(format!("{component} is not installed for the project's toolchain"))
        .help(format!("rustup component add {component}"))
}
