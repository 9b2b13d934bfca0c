//! Rust that the owner formats in their own way: both renders are put into that form, and merged once more.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use crate::check::cargo;

/// `text` as rustfmt would write it in the project; nothing where that does not work.
pub(super) fn formatted(project: &Path, text: &str) -> Option<String> {
    let mut command: Command = cargo::tool(project, "rustfmt");
    command.args(["--edition", "2024", "--emit", "stdout", "--quiet"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(text.as_bytes())));
        child.wait_with_output()
    });
    let output = output.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().filter(|text| !text.is_empty())
}
