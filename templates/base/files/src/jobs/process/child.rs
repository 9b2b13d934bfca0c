//! The other end: a process that does one job and ends.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::{fd::AsFd as _, unix::net::UnixStream},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use rustix::{
    process::{Resource, Rlimit, Signal, getrlimit, kill_current_process_group, setrlimit},
    stdio::dup2_stdin,
};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    time::{Instant, timeout_at},
};
use tracing::Instrument as _;

use super::{Assignment, FAREWELL, Outcome};
use crate::{
    app::state::App,
    config::Config,
    external::http::Http,
    jobs::{adopt, attempt},
    telemetry::{self, names::attribute},
};

/// Two, so that what holds one of them does not hold up all else.
const THREADS: usize = 2;

/// The longest wait for the last spans and metrics to leave.
const FLUSH: Duration = Duration::from_secs(1);

/// Does the job that the process at the other end of stdin has for it.
pub fn run(memory_limit: u64) -> anyhow::Result<()> {
    confine(memory_limit).context("the memory cannot be limited")?;
    let (assignment, parent) = assignment().context("there is no job for it")?;
    end_with(parent.try_clone()?)?;
    let (mut config, _) = Config::load()?;
    // One job computes one thing at a time.
    config.cpu.threads = 1;
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let done = runtime.block_on(work(config, assignment, parent));
    runtime.shutdown_background();
    done
}

/// Before anything else is asked for. The limit is that of data, not of addresses: allocators and threads reserve far
/// more of those than they use.
fn confine(memory_limit: u64) -> io::Result<()> {
    let most = getrlimit(Resource::Data).maximum;
    let limit = Some(most.unwrap_or(u64::MAX).min(memory_limit));
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::Data, limit)?;
    // Where the machine's memory is used up all the same, this goes before the service. Only Linux knows it.
    fs::write("/proc/self/oom_score_adj", "1000").ok();
    Ok(())
}

/// What is to be done, and the way back. Stdin is the handler's no more than it was in the worker.
fn assignment() -> anyhow::Result<(Assignment, UnixStream)> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    dup2_stdin(File::open("/dev/null")?)?;
    let mut parent = BufReader::new(UnixStream::from(stdin));
    let mut line = String::new();
    parent.read_line(&mut line)?;
    Ok((serde_json::from_str(&line)?, parent.into_inner()))
}

/// The worker says nothing more, so whatever comes now is its end. A thread that does nothing else sees it, whatever
/// the handler is at.
fn end_with(mut parent: UnixStream) -> io::Result<()> {
    let watch = thread::Builder::new().name("parent".to_owned());
    watch.spawn(move || {
        parent.read_exact(&mut [0]).ok();
        kill_current_process_group(Signal::KILL).ok();
    })?;
    Ok(())
}

async fn work(
    config: Config,
    assignment: Assignment,
    mut parent: UnixStream,
) -> anyhow::Result<()> {
    let http = Http::new()?;
    let telemetry = telemetry::init_for_job(&config, &http, &assignment.worker)?;
    // Without effect here: a service manager may send it to each of a service's processes, but when this one ends is
    // its worker's to say.
    let _unheeded = signal(SignalKind::terminate())?;
    let app = App::start_for_job(config, http).await?;
    let outcome = attempt(&app, assignment).await;
    let mut line = serde_json::to_vec(&outcome)?;
    line.push(b'\n');
    parent.write_all(&line)?;
    let end = Instant::now() + FAREWELL - 2 * FLUSH;
    app.lifecycle.close();
    app.lifecycle.finish(end).await;
    // Until it is closed a connection may hold the span of what it did last, which is not exported before it has ended.
    timeout_at(end, app.database.close()).await.ok();
    telemetry.shutdown(FLUSH).await;
    Ok(())
}

async fn attempt(app: &App, assignment: Assignment) -> Outcome {
    let Assignment {
        kind,
        lease,
        claimed,
        ..
    } = assignment;
    let span = tracing::info_span!(
        "attempt",
        otel.name = format!("run {}", kind.name()),
        { attribute::JOB_KIND } = kind.name(),
        { attribute::JOB_ID } = %claimed.id,
    );
    adopt(&span, claimed.traceparent.as_deref());
    let attempt = attempt::here(app, kind, lease, claimed);
    attempt.instrument(span).await.map(drop)
}
