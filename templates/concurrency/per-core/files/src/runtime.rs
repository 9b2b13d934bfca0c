//! How the process spends its time. Requests are answered by cores (`edge/cores.rs`). All else runs on the
//! runtime that is made here, and takes no core's time: the start, jobs, the clock, telemetry, health.

use tokio::runtime::Builder;

/// Enough that health is answered while a job blocks by mistake; what computes does so in `cpu.rs`.
const THREADS: usize = 2;

/// Runs `role` to its end. Tasks that are still running then are dropped.
pub fn run<T>(role: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let result = runtime.block_on(role);
    runtime.shutdown_background();
    result
}
