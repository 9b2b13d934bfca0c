//! The worker's end: it starts the process, and ends it.

use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{net, process::ExitStatusExt as _},
    },
    process::ExitStatus,
};

use bytesize::ByteSize;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    process,
    time::timeout,
};

use super::{Assignment, FAREWELL, Outcome};
use crate::{
    app::state::App,
    config,
    data::jobs::{Claimed, Lease},
    jobs::{Done, Failure, Kind, traceparent},
    telemetry,
};

/// More than any failure has to say.
const LONGEST_OUTCOME: u64 = 1024 * 1024;

/// Runs the handler in a process of its own. Whoever drops this kills it.
pub(in crate::jobs) async fn run(
    app: &App,
    kind: Kind,
    lease: Lease,
    claimed: Claimed,
) -> Result<Done, Failure> {
    let claimed = Claimed {
        traceparent: traceparent(),
        ..claimed
    };
    let assignment = Assignment {
        worker: telemetry::instance().to_owned(),
        kind,
        lease,
        claimed,
    };
    let (outcome, child) = work(&app.config.jobs, &assignment).await?;
    app.lifecycle.spawn(child.farewell());
    // What it enqueued, it could tell only to itself.
    Kind::ALL.iter().for_each(|kind| app.news.publish(*kind));
    outcome.map(|()| Done::elsewhere())
}

/// What came of it, and the process, which is about to end.
async fn work(jobs: &config::Jobs, assignment: &Assignment) -> Result<(Outcome, Child), Failure> {
    let mut child = Child::start(jobs, assignment).map_err(|error| {
        tracing::error!(%error, "no process could be started for a job: {error}");
        Failure::Retry("no process could be started for it".to_owned())
    })?;
    match child.work(assignment).await {
        Some(outcome) => Ok((outcome, child)),
        None => Err(Failure::Retry(child.death(jobs.memory_limit).await)),
    }
}

struct Child {
    process: process::Child,
    /// Its own, and of all that it starts.
    group: Pid,
    socket: BufReader<UnixStream>,
}

impl Child {
    fn start(jobs: &config::Jobs, assignment: &Assignment) -> io::Result<Self> {
        let (ours, theirs) = net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let process = process::Command::new(&jobs.program.path)
            .arg0(name(assignment))
            .args(["job", "--memory-limit"])
            .arg(jobs.memory_limit.as_u64().to_string())
            .envs(jobs.program.variables.iter().cloned())
            .stdin(OwnedFd::from(theirs))
            .process_group(0)
            .spawn()?;
        let id = process.id().and_then(|id| i32::try_from(id).ok());
        let group = id.and_then(Pid::from_raw);
        Ok(Self {
            process,
            group: group.ok_or_else(|| io::Error::other("it has no id"))?,
            socket: BufReader::new(UnixStream::from_std(ours)?),
        })
    }

    /// None where it ends without a word.
    async fn work(&mut self, assignment: &Assignment) -> Option<Outcome> {
        let mut line = serde_json::to_vec(assignment).ok()?;
        line.push(b'\n');
        // One that does not listen any more has died, and its status says of what.
        self.socket.write_all(&line).await.ok();
        drop(line);
        let mut answer = Vec::new();
        let mut socket = (&mut self.socket).take(LONGEST_OUTCOME);
        socket.read_until(b'\n', &mut answer).await.ok();
        serde_json::from_slice(&answer).ok()
    }

    async fn death(&mut self, memory_limit: ByteSize) -> String {
        match timeout(FAREWELL, self.process.wait()).await {
            Ok(Ok(status)) => death(status, memory_limit),
            _ => "its process did not say what came of it".to_owned(),
        }
    }

    /// Waits for its end, as long as that may take.
    async fn farewell(mut self) {
        timeout(FAREWELL, self.process.wait()).await.ok();
    }
}

impl Drop for Child {
    /// At once, whatever it is at. The group outlives its first process where that started others.
    fn drop(&mut self) {
        kill_process_group(self.group, Signal::KILL).ok();
    }
}

/// As lists of processes show it.
fn name(assignment: &Assignment) -> String {
    let (kind, id) = (assignment.kind.name(), assignment.lease.id);
    format!("{}: {kind} {id}", env!("CARGO_PKG_NAME"))
}

fn death(status: ExitStatus, memory_limit: ByteSize) -> String {
    match status.signal() {
        Some(signal) => format!(
            "its process was killed by signal {signal}; \
             it may have reached APP__JOBS__MEMORY_LIMIT of {memory_limit}"
        ),
        None => format!("its process ended without a word: {status}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        future::pending,
        os::unix::fs::PermissionsExt as _,
        path::Path,
        time::{Duration, Instant},
    };

    use temp_dir::TempDir;
    use tokio::{sync::Mutex, time::sleep};
    use uuid::Uuid;

    use super::*;
    use crate::{
        config::{Config, Environment, Program},
        jobs::attempt::within,
    };

    /// A script is written while nothing is started: what is would keep it open, and then it cannot be run.
    static TURN: Mutex<()> = Mutex::const_new(());

    /// Has a shell stand in for the process.
    fn stand_in(folder: &TempDir, script: &str) -> config::Jobs {
        let path = folder.child("stand-in");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("a mode");
        let given = [("APP__ENVIRONMENT".to_owned(), "development".to_owned())];
        let (mut config, _) = Config::read(&mut Environment::new(given)).expect("it holds");
        config.jobs.program = Program {
            path,
            variables: vec![("FOLDER".to_owned(), folder.path().display().to_string())],
        };
        config.jobs
    }

    fn assignment() -> Assignment {
        let id = Uuid::now_v7();
        let claimed = Claimed {
            id,
            tenant: "a".to_owned(),
            payload: "{}".to_owned(),
            attempts: 1,
            traceparent: None,
            waited: 0,
        };
        Assignment {
            worker: "a worker".to_owned(),
            kind: Kind::Purge,
            lease: Lease { id, token: id },
            claimed,
        }
    }

    #[tokio::test]
    async fn what_it_says_is_what_came_of_it_and_else_how_it_ended() {
        let _turn = TURN.lock().await;
        let folder = TempDir::new().expect("a folder");
        let died = |text: &str| Err(Failure::Retry(text.to_owned()));
        let cases = [
            (r#"echo '{"Ok":null}' >&0"#, Ok(Ok(()))),
            (
                r#"echo '{"Err":{"Permanent":"no"}}' >&0"#,
                Ok(Err(Failure::Permanent("no".to_owned()))),
            ),
            (
                r#"echo '{"Err":{"RetryAfter":[{"secs":60,"nanos":0},"busy"]}}' >&0"#,
                Ok(Err(Failure::RetryAfter(
                    Duration::from_secs(60),
                    "busy".to_owned(),
                ))),
            ),
            (
                "echo nonsense >&0",
                died("its process ended without a word: exit status: 0"),
            ),
            (
                "exit 3",
                died("its process ended without a word: exit status: 3"),
            ),
            (
                "kill -ABRT $$",
                died(
                    "its process was killed by signal 6; \
                     it may have reached APP__JOBS__MEMORY_LIMIT of 512.0 MiB",
                ),
            ),
        ];
        for (script, expected) in cases {
            let jobs = stand_in(&folder, script);
            let came = work(&jobs, &assignment()).await;
            assert_eq!(came.map(|(outcome, _)| outcome), expected, "{script}");
        }
    }

    #[tokio::test]
    async fn one_that_cannot_be_started_is_tried_again() {
        let _turn = TURN.lock().await;
        let folder = TempDir::new().expect("a folder");
        let mut jobs = stand_in(&folder, "");
        jobs.program.path = folder.child("nowhere");
        let came = work(&jobs, &assignment()).await.map(|_| ());
        let expected = Failure::Retry("no process could be started for it".to_owned());
        assert_eq!(came, Err(expected));
    }

    /// It does not listen, and has started another.
    #[tokio::test]
    async fn whoever_drops_it_kills_all_that_it_started() {
        let _turn = TURN.lock().await;
        let folder = TempDir::new().expect("a folder");
        let script = "trap '' TERM INT HUP\nsleep 600 &\necho $! >$FOLDER/id\nwait";
        let jobs = stand_in(&folder, script);
        let (assignment, id) = (assignment(), folder.child("id"));
        let grandchild = tokio::select! {
            _ = work(&jobs, &assignment) => pending().await,
            id = written(&id) => id,
        };
        is_gone(&grandchild).await;
    }

    /// It computes for ever, and does not heed what could be heeded.
    #[tokio::test]
    async fn one_that_never_ends_is_killed_when_its_time_is_over() {
        let _turn = TURN.lock().await;
        let folder = TempDir::new().expect("a folder");
        let script = "trap '' TERM INT HUP\necho $$ >$FOLDER/id\nwhile :; do :; done";
        let jobs = stand_in(&folder, script);
        let (assignment, id) = (assignment(), folder.child("id"));
        let mut working = Box::pin(work(&jobs, &assignment));
        let id = tokio::select! {
            _ = &mut working => pending().await,
            id = written(&id) => id,
        };
        let came = within(Duration::from_secs(1), working).await;
        let late = Failure::Retry("it did not end within 1 s".to_owned());
        assert_eq!(came.map(|_| ()), Err(late));
        is_gone(&id).await;
    }

    async fn is_gone(id: &str) {
        let begun = Instant::now();
        while is_alive(id) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it goes on");
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn written(path: &Path) -> String {
        loop {
            match fs::read_to_string(path) {
                Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                _ => sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// See proc_pid_stat(5): one that has ended may still have its entry.
    fn is_alive(id: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }
}
