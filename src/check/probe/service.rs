//! The binary under test: started on free ports with an environment of our making, watched, and stopped.

use std::{
    env,
    fs::File,
    io::{self, BufReader, Read, Write},
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{Finding, client::Request, leash::Leash, port::Port};
use crate::{
    check::{log, process, services::Settings},
    interrupt::Interrupt,
};

pub const TICK: Duration = Duration::from_millis(20);
/// How long after its process the output may take to be read.
const OUTPUT_ENDS: Duration = Duration::from_secs(1);
/// Lines of the log that explain why a service did not do what it should.
const LAST_LINES: usize = 12;
/// Variables that a program needs from its surroundings; nothing else of the user's environment reaches it.
const PASSED_ON: [&str; 7] =
    ["PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// How to start the binary. Clones start equal instances.
#[derive(Clone, Debug)]
pub struct Launch {
    pub binary: PathBuf,
    /// Also the working folder: no `.env` of the project reaches the service.
    pub data: PathBuf,
    /// Where the log goes, besides being kept for questions.
    pub log: PathBuf,
    /// What instances with this data are told of their servers.
    pub servers: Settings,
    pub variables: Vec<(String, String)>,
}

impl Launch {
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The binary with arguments, in the service's surroundings.
    pub fn command(&self, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(&self.data).env_clear().stdin(Stdio::null());
        let passed_on = PASSED_ON.iter().filter_map(|name| Some((name, env::var_os(name)?)));
        command.envs(passed_on).env("RUST_BACKTRACE", "0");
        command.env("APP__ENVIRONMENT", "development").env("APP__DATA__DIRECTORY", &self.data);
        command.envs(self.servers.for_data(&self.data));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts `BIN all` on two ports of its own.
    pub fn start(&self, leash: &Leash) -> Finding<Service> {
        self.start_on(Port::take()?, Port::take()?, leash)
    }

    pub fn start_on(&self, public_port: Port, admin_port: Port, leash: &Leash) -> Finding<Service> {
        let (public, admin) = (public_port.address, admin_port.address);
        let mut command = self.command(&["all"]);
        command.env("APP__SERVER__ADDRESS", public.to_string()).env("APP__ADMIN__ADDRESS", admin.to_string());
        let start = || -> io::Result<Service> {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer).process_group(0);
            let child = command.spawn()?;
            leash.hold(&child);
            drop(command);
            let output = Output::default();
            let reading = output.read(reader, File::create(&self.log)?);
            Ok(Service {
                child,
                leash: leash.clone(),
                public,
                admin,
                output,
                reading: Some(reading),
                started: Instant::now(),
                _ports: [public_port, admin_port],
            })
        };
        start().map_err(|error| format!("cannot start {}: {error}", self.binary.display()))
    }
}

/// A running instance. It is killed when dropped.
pub struct Service {
    child: Child,
    leash: Leash,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub output: Output,
    reading: Option<JoinHandle<()>>,
    started: Instant,
    _ports: [Port; 2],
}

impl Service {
    /// Waits until `/ready` says 200, and says how long that took.
    pub fn wait_until_ready(&mut self, patience: Duration, interrupt: &Interrupt) -> Finding<Duration> {
        let deadline = self.started + patience;
        let mut last = "no answer".to_owned();
        while Instant::now() < deadline && !interrupt.is_raised() {
            if let Some(status) = self.exit_status() {
                return Err(format!(
                    "the service ended by itself ({status}) before it was ready\n{}",
                    self.last_lines()
                ));
            }
            match Request::get("/ready").send_within(self.admin, Duration::from_secs(1)) {
                Ok(response) if response.status == 200 => return Ok(self.started.elapsed()),
                Ok(response) => last = response.summary(),
                Err(_) => {}
            }
            thread::sleep(TICK);
        }
        let seconds = patience.as_secs();
        Err(format!("/ready did not say 200 within {seconds} s (last: {last})\n{}", self.last_lines()))
    }

    /// A process that has been waited for gets none: its number may be another's by now.
    pub fn signal(&mut self, signal: Signal) {
        if self.exit_status().is_none() {
            process::signal_group(&self.child, signal);
        }
    }

    /// Waits for the end that a signal asked for.
    pub fn wait_for_exit(&mut self, patience: Duration) -> Finding<ExitStatus> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.exit_status() {
                return Ok(status);
            }
            thread::sleep(TICK);
        }
        Err(format!("the process still runs after {:.0} s\n{}", patience.as_secs_f64(), self.last_lines()))
    }

    /// SIGTERM, and an end with exit code 0 within `patience`.
    pub fn stop(&mut self, patience: Duration) -> Finding {
        self.signal(Signal::TERM);
        let status = self.wait_for_exit(patience).map_err(|error| format!("after SIGTERM {error}"))?;
        match status.success() {
            true => Ok(()),
            false => Err(format!(
                "after SIGTERM the process ended with {status}, expected exit code 0\n{}",
                self.last_lines()
            )),
        }
    }

    /// SIGKILL: what is only in memory is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
        self.leash.release(&self.child);
        self.read_to_end();
    }

    /// The status of a process that has ended, and with it all that it wrote.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten();
        if status.is_some() {
            self.leash.release(&self.child);
            self.read_to_end();
        }
        status
    }

    /// The pipe ends with the process, unless something that it started holds it open.
    fn read_to_end(&mut self) {
        let Some(reading) = self.reading.take() else { return };
        let deadline = Instant::now() + OUTPUT_ENDS;
        while !reading.is_finished() && Instant::now() < deadline {
            thread::sleep(TICK);
        }
    }

    pub fn last_lines(&self) -> String {
        log::last_lines(&self.output.text(), LAST_LINES, "\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the process has written so far, both streams.
#[derive(Clone, Debug, Default)]
pub struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, from: impl Read + Send + 'static, mut copy: File) -> JoinHandle<()> {
        let kept = self.clone();
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut buffer = [0; 8 * 1024];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                kept.bytes().extend_from_slice(&buffer[..count]);
                let _ = copy.write_all(&buffer[..count]);
            }
        })
    }
}

/// An empty folder for one instance, below the probe's own.
pub fn empty_folder(below: &Path, name: &str) -> Finding<PathBuf> {
    let folder = below.join(name);
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}
