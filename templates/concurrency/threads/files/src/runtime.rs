//! How the process spends its time: the edge on tokio's multi-thread runtime, one worker thread a core; handlers on
//! threads of their own (`threads`).

use tokio::runtime::Builder;

/// Runs `role` to its end. Tasks that are still running then are dropped.
pub fn run<T>(role: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(role);
    runtime.shutdown_background();
    result
}
