//! Every name that this service's telemetry uses, in one place. What OpenTelemetry's semantic conventions
//! name has their name; what is our own starts with `app.`.

/// Attributes, on spans and on metrics.
pub mod attribute {
    pub const ERROR_TYPE: &str = "error.type";
    pub const JOB_ATTEMPT: &str = "app.job.attempt";
    pub const JOB_ID: &str = "messaging.message.id";
    pub const JOB_KIND: &str = "messaging.destination.name";
    pub const JOB_OUTCOME: &str = "app.job.outcome";
    pub const JOB_STATE: &str = "app.job.state";
    pub const METHOD: &str = "http.request.method";
    pub const POOL_NAME: &str = "db.client.connection.pool.name";
    pub const POOL_STATE: &str = "db.client.connection.state";
    pub const REQUEST_CLASS: &str = "app.request.class";
    pub const REQUEST_ID: &str = "app.request.id";
    pub const ROUTE: &str = "http.route";
    pub const SCHEME: &str = "url.scheme";
    pub const SIGNAL: &str = "app.telemetry.signal";
    pub const STATUS: &str = "http.response.status_code";
    pub const UPSTREAM: &str = "app.upstream";
    pub const UPSTREAM_PART: &str = "app.upstream.part";
}

pub mod metric {
    pub const ACTIVE_REQUESTS: &str = "http.server.active_requests";
    pub const REQUEST_DURATION: &str = "http.server.request.duration";

    pub const POOL_CONNECTIONS: &str = "db.client.connection.count";
    pub const POOL_TIMEOUTS: &str = "db.client.connection.timeouts";
    pub const POOL_USE_TIME: &str = "db.client.connection.use_time";
    pub const POOL_WAIT_TIME: &str = "db.client.connection.wait_time";

    pub const ADMITTED: &str = "app.requests.admitted";
    pub const ADMITTED_LIMIT: &str = "app.requests.admitted.limit";
    pub const CPU_QUEUED: &str = "app.cpu.queued";
    pub const CPU_REFUSED: &str = "app.cpu.refused";
    pub const CPU_RUNNING: &str = "app.cpu.running";
    pub const CPU_THREADS: &str = "app.cpu.threads";
    pub const CPU_WAIT: &str = "app.cpu.wait";
    pub const FAILED_EXPORTS: &str = "app.telemetry.failed_exports";
    pub const JOBS: &str = "app.jobs";
    pub const JOBS_OLDEST: &str = "app.jobs.oldest";
    pub const JOBS_REAPED: &str = "app.jobs.reaped";
    pub const JOB_DURATION: &str = "messaging.process.duration";
    pub const JOB_WAIT: &str = "app.job.wait";
    pub const PANICS: &str = "app.panics";
    pub const RATE_LIMITED: &str = "app.requests.rate_limited";
    pub const RUNTIME_QUEUE: &str = "app.runtime.queue";
    pub const RUNTIME_TASKS: &str = "app.runtime.tasks";
    pub const SHED: &str = "app.requests.shed";
    pub const STATEMENTS: &str = "app.request.db_statements";
    pub const UPSTREAM_CALLS: &str = "app.upstream.calls";
    pub const UPSTREAM_CALLS_LIMIT: &str = "app.upstream.calls.limit";
    pub const UPSTREAM_FULL: &str = "app.upstream.full";
    pub const UPSTREAM_HEDGES: &str = "app.upstream.hedges";
    pub const UPSTREAM_RESTING: &str = "app.upstream.resting";
    pub const UPSTREAM_RETRIES: &str = "app.upstream.retries";
}
