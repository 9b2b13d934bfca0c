//! Work that goes on though whoever began it is gone: a client that left, a deadline that passed. It runs in a task of
//! its own, which the process's end waits for.

use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::{lifecycle::Lifecycle, stall};

/// Does the work and gives what came of it; none where it panicked. Whether that is waited for makes no difference to
/// the work.
pub async fn done<F>(lifecycle: &Lifecycle, work: impl FnOnce() -> F) -> Option<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    begin(lifecycle, work).await.ok()
}

/// Leaves the work behind, for a drop, which cannot wait.
pub fn leave<F>(lifecycle: &Lifecycle, work: impl FnOnce() -> F)
where
    F: Future<Output: Send> + Send + 'static,
{
    drop(begin(lifecycle, work));
}

/// A task that is dropped runs on.
fn begin<F>(lifecycle: &Lifecycle, work: impl FnOnce() -> F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    lifecycle.spawn(stall::watch_left(work()).in_current_span())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        sync::oneshot::channel,
        time::{Instant, timeout},
    };

    use super::*;
    use crate::edge::stall::samples::{Reported, block};

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_and_the_end_waits_for_it() {
        let lifecycle = Lifecycle::default();
        let (go_on, waits) = channel();
        let (tells, told) = channel();
        let work = || async {
            waits.await.ok();
            tells.send("done").ok();
        };
        let waiting = timeout(Duration::from_millis(10), done(&lifecycle, work));
        waiting.await.expect_err("it waits");
        lifecycle.close();
        assert!(!lifecycle.finish(Instant::now()).await);
        go_on.send(()).expect("it waits");
        assert_eq!(told.await, Ok("done"));
        let soon = Instant::now() + Duration::from_secs(20);
        assert!(lifecycle.finish(soon).await);
    }

    #[tokio::test]
    async fn what_is_left_behind_is_done() {
        let (tells, told) = channel();
        leave(&Lifecycle::default(), async || tells.send("done").ok());
        assert_eq!(told.await, Ok("done"));
    }

    #[tokio::test]
    async fn what_blocks_is_named_after_who_left_it_behind() {
        let (reported, _guard) = Reported::listen();
        let lifecycle = Lifecycle::default();
        stall::watch_job("report", async { leave(&lifecycle, async || block()) }).await;
        lifecycle.close();
        let soon = Instant::now() + Duration::from_secs(20);
        assert!(lifecycle.finish(soon).await);
        assert_eq!(reported.routes(), ["report"]);
    }
}
