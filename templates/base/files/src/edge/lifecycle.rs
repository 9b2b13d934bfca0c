//! How the process ends: told to stop, it first says that it is not ready, then stops accepting, then
//! waits for what it has begun.

use std::future::Future;

use tokio::{
    runtime::Handle,
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFutureOwned},
    task::TaskTracker,
};

/// Clones share the state.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    draining: CancellationToken,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// Told to stop: `/ready` says so, requests are still answered.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Ends when the process was told to stop.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Nothing new is accepted from here on.
    pub fn close(&self) {
        self.draining.cancel();
        self.closing.cancel();
        self.tasks.close();
    }

    /// Ends when nothing new is to be accepted.
    pub async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// The same, for who keeps no lifecycle.
    pub fn closing(&self) -> WaitForCancellationFutureOwned {
        self.closing.clone().cancelled_owned()
    }

    /// Runs `task` on its own; the process does not end before it, within its grace.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// The same on another runtime than the caller's.
    pub fn spawn_on<F>(&self, task: F, runtime: &Handle) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn_on(task, runtime)
    }

    /// Whether all tasks ended by `end`.
    pub async fn finish(&self, end: Instant) -> bool {
        timeout_at(end, self.tasks.wait()).await.is_ok()
    }
}
