//! Servers from the project's own compose file, as containers of a Compose project that is this check's alone.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    catalog::Server,
    check::{log, project::Project},
    error::{Error, Result},
    interrupt::Interrupt,
};

const FILE: &str = "compose.yaml";
/// Docker's own way, where a system's packages have an old Compose or none.
pub(super) const INSTALL: &str = "curl -fsSL https://get.docker.com | sudo sh";
const GUARD: &str = include_str!("compose.sh");
const TICK: Duration = Duration::from_millis(50);
/// Lines of what Compose said that explain why a server did not start.
const LAST_LINES: usize = 8;

#[derive(Debug)]
pub(super) struct Compose {
    command: Vec<String>,
    /// Starts the containers, and removes them.
    guard: Child,
    /// Has the second file, which Compose reads in every call, and what the guard says.
    folder: TempDir,
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
        let mut this = Self::start(project, servers)
            .map_err(|error| Error::failed("cannot call docker compose").cause(error))?;
        this.wait(interrupt)?;
        Ok(this)
    }

    fn start(project: &Project, servers: &[&Server]) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("formwork-check-").tempdir()?;
        let ports = folder.path().join("ports.yaml");
        fs::write(&ports, free_ports(servers))?;
        // Another machine may use the same Docker, and have a process of the same number.
        let name = folder.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let (compose, ports) = (project.folder.join(FILE).display().to_string(), ports.display().to_string());
        let command = ["docker", "compose", "--project-name", &name, "--file", &compose, "--file", &ports];
        let command: Vec<String> = command.map(str::to_owned).to_vec();
        let services: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        let log = File::create(folder.path().join("log"))?;
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD, "guard"]).arg(folder.path()).arg(services.join(" ")).args(&command);
        guard.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let guard = guard.spawn()?;
        Ok(Self { command, guard, folder })
    }

    fn wait(&mut self, interrupt: &Interrupt) -> Result<()> {
        loop {
            interrupt.check()?;
            // One that was killed leaves no status.
            let has_ended = !matches!(self.guard.try_wait(), Ok(None));
            match self.read("status").trim() {
                "0" => return Ok(()),
                "" if !has_ended => thread::sleep(TICK),
                _ => {
                    let last = log::last_lines(&self.read("log"), LAST_LINES, "\n    ");
                    return Err(Error::missing(format!("the servers of {FILE} do not start")).cause(last));
                }
            }
        }
    }

    /// What the guard wrote, or nothing yet.
    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap_or_default()
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
fn free_ports(servers: &[&Server]) -> String {
    let mut text = String::from("services:\n");
    for server in servers {
        let port = server.image.port;
        let _ = writeln!(text, "  {}:\n    ports: !override\n      - \"127.0.0.1::{port}\"", server.name);
    }
    text
}
