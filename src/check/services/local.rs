//! Servers from installed programs: on free ports, in empty folders, gone with the check.

use std::{
    env,
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{find, guard::Guard};
use crate::{
    catalog::Server,
    check::{log, ports},
    error::{Error, Result},
    interrupt::Interrupt,
};

const TICK: Duration = Duration::from_millis(20);
/// The first start of a large server on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often somebody else may be faster at a port.
const ATTEMPTS: usize = 5;
/// Lines of the log that explain why a server did not start.
const LAST_LINES: usize = 12;
/// Variables that a program may need from its surroundings. Others could be a server's own settings.
const PASSED_ON: [&str; 3] = ["TMPDIR", "LD_LIBRARY_PATH", "TZ"];

/// Starts a server with programs of `programs`; gives its URL once it serves.
pub fn start(server: &Server, programs: &Path, log: &Path, interrupt: &Interrupt) -> Result<(Guard, String)> {
    start_on(free_pairs(), server, programs, log, interrupt)
}

/// On the first of these ports that is the server's: what it says is what counts, since on the port somebody else may
/// be the one who answers.
pub fn start_on(
    ports: impl Iterator<Item = u16>,
    server: &Server,
    programs: &Path,
    log: &Path,
    interrupt: &Interrupt,
) -> Result<(Guard, String)> {
    for port in ports.take(ATTEMPTS) {
        let mut guard =
            launch(server, programs, port, log).map_err(|error| unable(server, log).cause(error))?;
        if becomes_ready(&mut guard, server, log, interrupt)? {
            return Ok((guard, server.url_at("127.0.0.1", port)));
        }
        drop(guard);
        if is_free(port) {
            break;
        }
    }
    Err(unable(server, log).cause(last_lines(log)))
}

fn launch(server: &Server, programs: &Path, port: u16, log: &Path) -> io::Result<Guard> {
    let mut command = Command::new("/bin/sh");
    let folder = folder(server)?;
    if let Some((user, group)) = find::as_its_user(&mut command, server) {
        chown(&folder, Some(user), Some(group))?;
    }
    let path = find::path_before(programs).map_err(io::Error::other)?;
    let passed_on = PASSED_ON.iter().filter_map(|name| Some((name, env::var_os(name)?)));
    command.env_clear().envs(passed_on).env("PATH", path).env("HOME", &folder);
    command.env("folder", &folder).env("port", port.to_string()).current_dir(&folder);
    if let Some(logs) = log.parent() {
        fs::create_dir_all(logs)?;
    }
    Guard::start(command, server, &folder, &File::create(log)?)
}

/// An empty one, which its guard removes. Not in a folder of this process, where the server's user may have no entry.
fn folder(server: &Server) -> io::Result<PathBuf> {
    let folder = tempfile::Builder::new().prefix(&format!("formwork-{}-", server.name)).tempdir()?.keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    Ok(folder)
}

/// Whether it serves; it does not where it ends by itself.
fn becomes_ready(guard: &mut Guard, server: &Server, log: &Path, interrupt: &Interrupt) -> Result<bool> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        interrupt.check()?;
        let has_ended = guard.has_ended();
        if !has_ended && said(log).contains(&server.ready) {
            return Ok(true);
        }
        if has_ended {
            return Ok(false);
        }
        thread::sleep(TICK);
    }
    let seconds = PATIENCE.as_secs();
    Err(unable(server, log).cause(format!("it did not say {:?} within {seconds} s", server.ready)))
}

fn unable(server: &Server, log: &Path) -> Error {
    Error::missing(format!("{} does not start here", server.title)).at(log, None)
}

fn said(log: &Path) -> String {
    fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn last_lines(file: &Path) -> String {
    log::last_lines(&said(file), LAST_LINES, "\n    ")
}

/// Free just now, and the next one too.
fn free_pairs() -> impl Iterator<Item = u16> {
    ports::candidates().filter(|port| is_free(*port) && is_free(port + 1))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
