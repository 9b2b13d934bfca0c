//! The files around the generated code, read by the tools that their readers would use.

#![expect(clippy::unwrap_used, reason = "in a test a step that fails is the failure to show")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const TOOLS: &str = "check-jsonschema==0.39.0\nhadolint-bin==2.15.1\nzizmor==1.32.0\n";

/// Runs `command` to its end; what it printed is shown where it fails.
#[track_caller]
fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| {
        panic!("{command:?} cannot be started ({error}): apt-get install python3 python3-venv")
    });
    let printed = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{command:?}\n{}{}", printed(&done.stdout), printed(&done.stderr));
}

/// The folder of the tools' programs; they are installed once for each set of versions.
fn tools() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("linters");
    let installed = home.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_deref() != Some(TOOLS) {
        let wanted = home.join("requirements.txt");
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
        fs::write(&wanted, TOOLS).unwrap();
        let mut pip = Command::new(home.join("bin/pip"));
        run(pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted));
        fs::rename(&wanted, &installed).unwrap();
    }
    home.join("bin")
}

#[test]
fn dockerfile_workflow_compose_and_dependabot_are_what_their_tools_expect() {
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(env!("CARGO_BIN_EXE_formwork"))
        .args(["new", "orders", "--yes", "--no-git", "--no-check"])
        .current_dir(folder.path()));
    let (tools, project) = (tools(), folder.path().join("orders"));
    let tool = |name: &str| {
        let mut command = Command::new(tools.join(name));
        command.current_dir(&project);
        command
    };
    run(tool("hadolint").arg("Dockerfile"));
    run(tool("zizmor").args(["--offline", "--pedantic", ".github"]));
    for (schema, file) in [
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
        ("vendor.compose-spec", "compose.yaml"),
    ] {
        run(tool("check-jsonschema").args(["--builtin-schema", schema, file]));
    }
}
