//! What is measured, as plain functions: no other file knows which library counts. Until a provider is
//! installed, and where none is, they do nothing.

use std::{sync::LazyLock, time::Duration};

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter},
};
use tokio::runtime::Handle;

use super::names::{attribute, metric};

/// In seconds, as the semantic conventions advise for requests and for waits.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// In seconds too: jobs take and wait longer than requests.
const JOB_SECONDS: [f64; 12] = [
    0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0,
];

/// Statements of one request; the upper ones are what an N+1 looks like.
const STATEMENTS: [f64; 9] = [0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// TLS ends before this process, so this is what it speaks.
const SCHEME: &str = "http";

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(Instruments::new);

struct Instruments {
    active_requests: UpDownCounter<i64>,
    cpu_refused: Counter<u64>,
    cpu_wait: Histogram<f64>,
    failed_exports: Counter<u64>,
    job_duration: Histogram<f64>,
    job_wait: Histogram<f64>,
    jobs: Gauge<i64>,
    jobs_oldest: Gauge<f64>,
    jobs_reaped: Counter<u64>,
    panics: Counter<u64>,
    pool_timeouts: Counter<u64>,
    pool_use_time: Histogram<f64>,
    pool_wait_time: Histogram<f64>,
    rate_limited: Counter<u64>,
    request_duration: Histogram<f64>,
    shed: Counter<u64>,
    statements: Histogram<u64>,
}

impl Instruments {
    fn new() -> Self {
        let meter = meter();
        let seconds = |name, description| {
            let builder = meter.f64_histogram(name).with_unit("s");
            let builder = builder.with_description(description);
            builder.with_boundaries(SECONDS.to_vec()).build()
        };
        let job_seconds = |name, description| {
            let builder = meter.f64_histogram(name).with_unit("s");
            let builder = builder.with_description(description);
            builder.with_boundaries(JOB_SECONDS.to_vec()).build()
        };
        Self {
            active_requests: meter
                .i64_up_down_counter(metric::ACTIVE_REQUESTS)
                .with_unit("{request}")
                .with_description("Requests that are being answered.")
                .build(),
            cpu_refused: counter(
                metric::CPU_REFUSED,
                "{computation}",
                "Computations that found no place in the queue.",
            ),
            cpu_wait: seconds(
                metric::CPU_WAIT,
                "How long computations waited for a thread.",
            ),
            failed_exports: counter(
                metric::FAILED_EXPORTS,
                "{export}",
                "Attempts to send telemetry that failed.",
            ),
            job_duration: job_seconds(
                metric::JOB_DURATION,
                "How long an attempt at a job took, by what came of it.",
            ),
            job_wait: job_seconds(
                metric::JOB_WAIT,
                "How long a job was due before it was claimed.",
            ),
            jobs: meter
                .i64_gauge(metric::JOBS)
                .with_unit("{job}")
                .with_description("Jobs that wait or are dead, as a worker last counted them.")
                .build(),
            jobs_oldest: meter
                .f64_gauge(metric::JOBS_OLDEST)
                .with_unit("s")
                .with_description("How long the first of the waiting jobs has been due.")
                .build(),
            jobs_reaped: counter(
                metric::JOBS_REAPED,
                "{job}",
                "Jobs taken from workers that died.",
            ),
            panics: counter(
                metric::PANICS,
                "{panic}",
                "Panics of handlers of requests and of jobs.",
            ),
            pool_timeouts: counter(
                metric::POOL_TIMEOUTS,
                "{timeout}",
                "Waits for a connection that ended without one.",
            ),
            pool_use_time: seconds(
                metric::POOL_USE_TIME,
                "How long requests held a connection.",
            ),
            pool_wait_time: seconds(
                metric::POOL_WAIT_TIME,
                "How long requests waited for a connection.",
            ),
            rate_limited: counter(metric::RATE_LIMITED, "{request}", "Requests answered 429."),
            request_duration: seconds(
                metric::REQUEST_DURATION,
                "From a request's head to the last byte of its answer.",
            ),
            shed: counter(
                metric::SHED,
                "{request}",
                "Requests answered 503 because their class was full.",
            ),
            statements: meter
                .u64_histogram(metric::STATEMENTS)
                .with_unit("{statement}")
                .with_description("Database statements of one request.")
                .with_boundaries(STATEMENTS.to_vec())
                .build(),
        }
    }
}

/// A request that has been answered, or whose client has left.
#[derive(Debug)]
pub struct Request<'a> {
    pub method: &'static str,
    /// The template, such as `/documents/{id}`; none where no route matched.
    pub route: Option<&'a str>,
    pub status: u16,
    pub error: Option<&'a str>,
    pub duration: Duration,
    pub statements: u32,
}

pub fn request(request: &Request<'_>) {
    let mut attributes = Vec::with_capacity(5);
    attributes.push(KeyValue::new(attribute::METHOD, request.method));
    attributes.push(KeyValue::new(attribute::SCHEME, SCHEME));
    attributes.push(KeyValue::new(attribute::STATUS, i64::from(request.status)));
    let optional = [
        (attribute::ROUTE, request.route),
        (attribute::ERROR_TYPE, request.error),
    ];
    for (name, value) in optional {
        attributes.extend(value.map(|value| KeyValue::new(name, value.to_owned())));
    }
    let seconds = request.duration.as_secs_f64();
    INSTRUMENTS.request_duration.record(seconds, &attributes);
    if let Some(route) = request.route {
        let route = [
            KeyValue::new(attribute::METHOD, request.method),
            KeyValue::new(attribute::ROUTE, route.to_owned()),
        ];
        let statements = u64::from(request.statements);
        INSTRUMENTS.statements.record(statements, &route);
    }
}

/// Counts as active until it is dropped.
#[derive(Debug)]
pub struct ActiveRequest([KeyValue; 2]);

pub fn active_request(method: &'static str) -> ActiveRequest {
    let attributes = [
        KeyValue::new(attribute::METHOD, method),
        KeyValue::new(attribute::SCHEME, SCHEME),
    ];
    INSTRUMENTS.active_requests.add(1, &attributes);
    ActiveRequest(attributes)
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        INSTRUMENTS.active_requests.add(-1, &self.0);
    }
}

/// A request was refused because its class was full.
pub fn shed(class: &'static str) {
    let class = KeyValue::new(attribute::REQUEST_CLASS, class);
    INSTRUMENTS.shed.add(1, &[class]);
}

/// A caller was told to come back later.
pub fn rate_limited() {
    INSTRUMENTS.rate_limited.add(1, &[]);
}

/// How many requests of a class are in, of the `limit` that may be; `used` gives none once nobody is let in any more.
pub fn admission(
    class: &'static str,
    limit: u32,
    used: impl Fn() -> Option<u32> + Send + Sync + 'static,
) {
    let class = [KeyValue::new(attribute::REQUEST_CLASS, class)];
    let of_limit = class.clone();
    meter()
        .i64_observable_up_down_counter(metric::ADMITTED)
        .with_unit("{request}")
        .with_description("Requests that hold a place of their class.")
        .with_callback(move |observer| {
            if let Some(used) = used() {
                observer.observe(used.into(), &class);
            }
        })
        .build();
    meter()
        .i64_observable_up_down_counter(metric::ADMITTED_LIMIT)
        .with_unit("{request}")
        .with_description("Places of the class.")
        .with_callback(move |observer| observer.observe(limit.into(), &of_limit))
        .build();
}

/// How much of the pools is taken: `read` gives each pool's name, its connections in use and its idle ones.
pub fn pools<Pools>(read: impl Fn() -> Pools + Send + Sync + 'static)
where
    Pools: IntoIterator<Item = (&'static str, u32, u32)>,
{
    meter()
        .i64_observable_up_down_counter(metric::POOL_CONNECTIONS)
        .with_unit("{connection}")
        .with_description("Connections of a pool, by what they do.")
        .with_callback(move |observer| {
            for (pool, in_use, idle) in read() {
                for (state, count) in [("used", in_use), ("idle", idle)] {
                    let attributes = [
                        KeyValue::new(attribute::POOL_NAME, pool),
                        KeyValue::new(attribute::POOL_STATE, state),
                    ];
                    observer.observe(count.into(), &attributes);
                }
            }
        })
        .build();
}

/// How much is computed, on so many threads, and how much waits for one of them: `read` gives both.
pub fn computing(threads: u32, read: impl Fn() -> (u32, u32) + Clone + Send + Sync + 'static) {
    let running = read.clone();
    meter()
        .i64_observable_up_down_counter(metric::CPU_RUNNING)
        .with_unit("{computation}")
        .with_description("Computations that run.")
        .with_callback(move |observer| observer.observe(running().0.into(), &[]))
        .build();
    meter()
        .i64_observable_up_down_counter(metric::CPU_QUEUED)
        .with_unit("{computation}")
        .with_description("Computations that wait for a thread.")
        .with_callback(move |observer| observer.observe(read().1.into(), &[]))
        .build();
    meter()
        .i64_observable_up_down_counter(metric::CPU_THREADS)
        .with_unit("{thread}")
        .with_description("Threads that compute.")
        .with_callback(move |observer| observer.observe(threads.into(), &[]))
        .build();
}

/// A computation began after it had waited for this long.
pub fn computation_waited(waited: Duration) {
    INSTRUMENTS.cpu_wait.record(waited.as_secs_f64(), &[]);
}

/// A computation found no place in the queue.
pub fn computation_refused() {
    INSTRUMENTS.cpu_refused.add(1, &[]);
}

/// A request got a connection after this long.
pub fn connection_waited(pool: &'static str, waited: Duration) {
    let pool = KeyValue::new(attribute::POOL_NAME, pool);
    let seconds = waited.as_secs_f64();
    INSTRUMENTS.pool_wait_time.record(seconds, &[pool]);
}

/// A request waited for a connection and got none.
pub fn connection_timed_out(pool: &'static str) {
    let pool = KeyValue::new(attribute::POOL_NAME, pool);
    INSTRUMENTS.pool_timeouts.add(1, &[pool]);
}

/// A request held a connection for this long.
pub fn connection_held(held: Duration) {
    let seconds = held.as_secs_f64();
    INSTRUMENTS.pool_use_time.record(seconds, &[]);
}

/// A handler panicked, and its request was answered all the same.
pub fn panicked() {
    INSTRUMENTS.panics.add(1, &[]);
}

/// An attempt at a job came to an end.
pub fn job_attempted(kind: &'static str, outcome: &'static str, duration: Duration) {
    let attributes = [
        KeyValue::new(attribute::JOB_KIND, kind),
        KeyValue::new(attribute::JOB_OUTCOME, outcome),
    ];
    let seconds = duration.as_secs_f64();
    INSTRUMENTS.job_duration.record(seconds, &attributes);
}

/// A job was claimed after it had been due for this long.
pub fn job_waited(kind: &'static str, waited: Duration) {
    let kind = KeyValue::new(attribute::JOB_KIND, kind);
    INSTRUMENTS.job_wait.record(waited.as_secs_f64(), &[kind]);
}

/// A job was taken from a worker that died, and is in this state now.
pub fn job_reaped(state: &'static str) {
    let state = KeyValue::new(attribute::JOB_STATE, state);
    INSTRUMENTS.jobs_reaped.add(1, &[state]);
}

/// How many jobs of a kind are in a state, and how long the first of them has been due.
pub fn jobs(kind: &str, state: &'static str, jobs: i64, oldest: Duration) {
    let attributes = [
        KeyValue::new(attribute::JOB_KIND, kind.to_owned()),
        KeyValue::new(attribute::JOB_STATE, state),
    ];
    INSTRUMENTS.jobs.record(jobs, &attributes);
    INSTRUMENTS
        .jobs_oldest
        .record(oldest.as_secs_f64(), &attributes);
}

pub(super) fn export_failed(signal: &'static str) {
    let signal = KeyValue::new(attribute::SIGNAL, signal);
    INSTRUMENTS.failed_exports.add(1, &[signal]);
}

/// How busy the process's own threads are: tasks alive, and tasks that wait for a thread.
pub(super) fn runtime(handle: &Handle) {
    let runtime = handle.metrics();
    meter()
        .u64_observable_gauge(metric::RUNTIME_TASKS)
        .with_unit("{task}")
        .with_description("Tasks that have not ended.")
        .with_callback(move |observer| {
            observer.observe(runtime.num_alive_tasks() as u64, &[]);
        })
        .build();
    let runtime = handle.metrics();
    meter()
        .u64_observable_gauge(metric::RUNTIME_QUEUE)
        .with_unit("{task}")
        .with_description("Tasks that wait for a thread.")
        .with_callback(move |observer| {
            observer.observe(runtime.global_queue_depth() as u64, &[]);
        })
        .build();
}

pub(super) fn meter() -> Meter {
    global::meter("service")
}

pub(super) fn counter(
    name: &'static str,
    unit: &'static str,
    description: &'static str,
) -> Counter<u64> {
    meter()
        .u64_counter(name)
        .with_unit(unit)
        .with_description(description)
        .build()
}
