//! The servers that the tests need: real ones, each started once for all tests of this process.
//!
//! One whose URL is in the environment is taken as it is. Otherwise an installed program is started, on a free port and
//! in an empty folder, and it ends with this process, however that ends. Where neither is there the tests are skipped;
//! with `REQUIRE_SERVICES=1` they fail.

mod programs;
mod recipes;

use std::{
    env,
    fs::{self, File, Permissions},
    io::{self, Write as _},
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

pub(crate) use self::recipes::*;

/// What ends a server with whoever started it.
const GUARD: &str = include_str!("servers/guard.sh");

/// The first start of a large server on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Ports below those that systems give to outgoing connections; a server may use the one after its own too.
const FIRST_PORT: u16 = 15_000;
const PAIRS: u16 = 8_000;
/// How often somebody else may be faster at a port.
const ATTEMPTS: usize = 5;

pub(crate) struct Server {
    pub(crate) recipe: Recipe,
    running: OnceLock<Result<Running, String>>,
}

/// How a server is had.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// The variable that names the URL of one that runs.
    pub(crate) variable: &'static str,
    /// With `{host}` and `{port}`.
    pub(crate) url: &'static str,
    /// The programs that `start` calls, with blanks between them; the last one is the server.
    pub(crate) programs: &'static str,
    /// The folders where they may be besides `PATH`, with colons between them.
    pub(crate) folders: &'static str,
    pub(crate) oldest: Option<&'static str>,
    /// For a shell: fails where something else is missing, and says what.
    pub(crate) fits: Option<&'static str>,
    /// Whether it runs as root.
    pub(crate) root: bool,
    /// For a shell, with `$folder` and `$port`.
    pub(crate) start: &'static str,
    /// What it says once it serves.
    pub(crate) ready: &'static str,
    /// The signal that stops it.
    pub(crate) stop: &'static str,
    pub(crate) install: &'static str,
}

struct Running {
    url: String,
    /// With the writing end of its stdin, which closes when this process ends.
    _guard: Option<Child>,
}

impl Server {
    pub(crate) const fn new(recipe: Recipe) -> Self {
        Self {
            recipe,
            running: OnceLock::new(),
        }
    }

    /// Where it is reached. It is everybody's: what a test puts there has a name that no other test uses.
    pub(crate) fn url(&self) -> &str {
        let running = self.running.get_or_init(|| {
            self.recipe.provide().inspect_err(|reason| {
                if env::var_os("REQUIRE_SERVICES").is_none_or(|value| value != "1") {
                    self.recipe.skip(reason);
                }
            })
        });
        match running {
            Ok(running) => &running.url,
            Err(reason) => panic!("{}", self.recipe.missing(reason)),
        }
    }
}

impl Recipe {
    fn provide(&self) -> Result<Running, String> {
        match env::var(self.variable) {
            Ok(url) if !url.is_empty() => Ok(Running { url, _guard: None }),
            _ => self.start(&self.programs()?),
        }
    }

    /// The folder that has them.
    pub(crate) fn programs(&self) -> Result<PathBuf, String> {
        programs::find(self)
    }

    fn start(&self, programs: &Path) -> Result<Running, String> {
        let mut said = String::new();
        for port in ports().take(ATTEMPTS) {
            match self.start_at(programs, port) {
                Ok(guard) => {
                    return Ok(Running {
                        url: self.url_at(port),
                        _guard: Some(guard),
                    });
                }
                Err(reason) => said = reason,
            }
            if is_free(port) {
                break;
            }
        }
        Err(format!("{} does not start: {said}", self.title))
    }

    /// Empty, and until its guard is ended. What it says is what counts: on the port somebody else may be the one who
    /// answers.
    pub(crate) fn start_at(&self, programs: &Path, port: u16) -> Result<Child, String> {
        let failed = |error: io::Error| format!("it cannot be started: {error}");
        let folder = self.folder(port).map_err(failed)?;
        let guard = self.launch(programs, &folder, port).map_err(failed)?;
        match self.wait(&folder) {
            Ok(()) => Ok(guard),
            Err(said) => {
                end(guard);
                Err(said)
            }
        }
    }

    /// Where one is reached that was started on this port.
    pub(crate) fn url_at(&self, port: u16) -> String {
        let url = self.url.replace("{host}", "127.0.0.1");
        url.replace("{port}", &port.to_string())
    }

    /// An empty one, which the guard removes. One of that name may be there: left behind, or of a process in another
    /// container, which has the same number.
    fn folder(&self, port: u16) -> io::Result<PathBuf> {
        let name = format!("{}-{}-{port}", self.name, process::id());
        let mut folder = env::temp_dir().join(&name);
        let mut number = 1;
        while let Err(error) = fs::create_dir(&folder) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            number += 1;
            folder.set_file_name(format!("{name}-{number}"));
        }
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        Ok(folder)
    }

    fn launch(&self, programs: &Path, folder: &Path, port: u16) -> io::Result<Child> {
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new("/bin/sh");
        if let Some((user, group)) = programs::user(self) {
            chown(folder, Some(user), Some(group))?;
            command.uid(user).gid(group);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let path = [programs.to_owned()]
            .into_iter()
            .chain(env::split_paths(&path));
        command
            .args(["-c", GUARD, "guard", self.start, self.stop])
            .env_clear()
            .env("PATH", env::join_paths(path).map_err(io::Error::other)?)
            .env("HOME", folder)
            .env("folder", folder)
            .env("port", port.to_string())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
    }

    /// Until it serves, or what it has said where it does not.
    fn wait(&self, folder: &Path) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let has_ended = folder.join("ended").exists();
            let said = fs::read(folder.join("log")).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            if has_ended || begun.elapsed() > PATIENCE {
                return Err(said.into_owned());
            }
            if said.contains(self.ready) {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }

    /// All tests of this program: there is no way to leave one and have it counted as anything but passed or failed.
    fn skip(&self, reason: &str) -> ! {
        let text = self.missing(reason);
        // `eprintln!` would say it to the harness, which says it to nobody.
        writeln!(
            io::stderr(),
            "\nSKIPPED: {text}\nWith REQUIRE_SERVICES=1 they fail.\n"
        )
        .ok();
        process::exit(0);
    }

    fn missing(&self, reason: &str) -> String {
        let Self {
            title,
            variable,
            url,
            install,
            ..
        } = self;
        format!(
            "the tests need {title}: {variable} is not set, and {reason}\nGet it: {install}\n\
             Or name one that runs: {variable}={url}"
        )
    }
}

pub(crate) fn end(mut guard: Child) {
    drop(guard.stdin.take());
    guard.wait().ok();
}

/// Free just now, and the next one too; processes at the same time begin at different places.
pub(crate) fn ports() -> impl Iterator<Item = u16> {
    let begin = u16::try_from(process::id() % u32::from(PAIRS)).unwrap_or_default();
    let pairs = (0..PAIRS).map(move |pair| FIRST_PORT + 2 * ((begin + pair) % PAIRS));
    pairs.filter(|port| is_free(*port) && is_free(port + 1))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
