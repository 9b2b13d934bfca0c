//! Servers from the project's own compose file, as containers of a Compose project that is this check's alone.

use std::{
    fmt::Write as _,
    io::Write as _,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio, id as process_id},
};

use tempfile::NamedTempFile;

use crate::{
    catalog::Server,
    check::{process, project::Project},
    error::{Error, Result},
    interrupt::Interrupt,
};

const FILE: &str = "compose.yaml";
/// Docker's own way, where a system's packages have an old Compose or none.
pub(super) const INSTALL: &str = "curl -fsSL https://get.docker.com | sudo sh";
/// Waits for the end of whoever holds the other end of stdin, then removes the containers.
const GUARD: &str = "read -r _; file=$1; shift; \"$@\" down --volumes --timeout 5; rm -f \"$file\"";

#[derive(Debug)]
pub(super) struct Compose {
    command: Vec<String>,
    guard: Child,
    /// Compose reads it in every call.
    _override: NamedTempFile,
}

/// Whether containers can be started here, or why not.
pub(super) fn usable(project: &Path) -> Result<(), String> {
    if !project.join(FILE).is_file() {
        return Err(format!("the project has no {FILE}"));
    }
    let runs = |arguments: &[&str]| {
        let mut docker = Command::new("docker");
        let output = docker.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        output.status().is_ok_and(|status| status.success())
    };
    match (runs(&["compose", "version"]), runs(&["info"])) {
        (true, true) => Ok(()),
        (true, false) => Err("no Docker is running".to_owned()),
        (false, _) => Err("docker compose is not installed".to_owned()),
    }
}

impl Compose {
    /// Returns once all of them are healthy.
    pub(super) fn up(project: &Project, servers: &[&Server], interrupt: &Interrupt) -> Result<Self> {
        let failed = |error: std::io::Error| Error::failed("cannot call docker compose").cause(error);
        let ports = free_ports(servers).map_err(failed)?;
        let compose = project.folder.join(FILE).display().to_string();
        let name = format!("formwork-check-{}", process_id());
        let with = ports.path().display().to_string();
        let command = ["docker", "compose", "--project-name", &name, "--file", &compose, "--file", &with];
        let command: Vec<String> = command.map(str::to_owned).to_vec();
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD, "guard", &with]).args(&command).process_group(0);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guard = guard.spawn().map_err(failed)?;
        let this = Self { command, guard, _override: ports };
        let mut up = this.call(&["up", "--detach", "--wait"]);
        up.args(servers.iter().map(|server| &server.name));
        let mut said = Vec::new();
        let status = process::run(up, interrupt, |line| said.push(line.to_owned()))?;
        match status.success() {
            true => Ok(this),
            false => Err(Error::missing(format!("the servers of {FILE} do not start"))
                .cause(said[said.len().saturating_sub(8)..].join("\n    "))),
        }
    }

    /// Where a server that is up is reached from here.
    pub(super) fn url(&self, server: &Server) -> Result<String> {
        let mut command = self.call(&["port", &server.name, &server.image.port.to_string()]);
        let output = command.stdin(Stdio::null()).output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let port = said.as_ref().ok().and_then(|said| said.rsplit_once(':')?.1.parse().ok());
        let port = port.ok_or_else(|| {
            Error::failed(format!("docker compose does not say on which port {} is", server.name))
        })?;
        Ok(server.url_at("127.0.0.1", port))
    }

    fn call(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).args(arguments);
        command
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Ports that the system chooses, in place of the file's own: those may be taken, by the same project even.
fn free_ports(servers: &[&Server]) -> std::io::Result<NamedTempFile> {
    let mut text = String::from("services:\n");
    for server in servers {
        let port = server.image.port;
        let _ = writeln!(text, "  {}:\n    ports: !override\n      - \"127.0.0.1::{port}\"", server.name);
    }
    let mut file = tempfile::Builder::new().prefix("formwork-compose-").suffix(".yaml").tempfile()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}
