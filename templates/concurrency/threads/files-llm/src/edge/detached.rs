//! Work that goes on though whoever began it is gone: a client that left, a deadline that passed. It stays on its
//! thread, which keeps its place and cannot be stopped meanwhile; the process's end waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task::spawn_blocking;

use super::lifecycle::Lifecycle;
use crate::threads;

/// Does the work and gives what came of it; none where it panicked.
pub fn done<T>(_: &Lifecycle, work: impl FnOnce() -> T) -> Option<T> {
    let work = || threads::unstoppable(work);
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Leaves the work behind, for a drop, which must not wait: this thread does it when it has ended what it is at. A
/// thread that is none of a pool gives it to one that may block.
pub fn leave<T>(lifecycle: &Lifecycle, work: impl FnOnce() -> T + Send + 'static)
where
    T: Send + 'static,
{
    if let Err(work) = threads::afterwards(|| drop(work())) {
        drop(lifecycle.spawn(spawn_blocking(work)));
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use tokio::sync::oneshot;

    use super::*;
    use crate::threads::{on_a_thread, wait};

    #[tokio::test]
    async fn work_that_is_done_detached_gives_what_came_of_it() {
        let done = || {
            let lifecycle = Lifecycle::default();
            let panics = || -> u8 { panic!("on purpose") };
            (done(&lifecycle, || 7), done(&lifecycle, panics))
        };
        assert_eq!(on_a_thread(done).await, (Some(7), None));
    }

    #[tokio::test]
    async fn what_is_left_behind_is_done_by_the_same_thread_later() {
        let (tells, told) = oneshot::channel();
        let name = || thread::current().name().map(str::to_owned);
        let before = on_a_thread(move || {
            let (has_ended, waits) = mpsc::sync_channel::<()>(1);
            leave(&Lifecycle::default(), move || {
                // Nobody sends: the work, and what it held, has ended.
                waits.recv().ok();
                wait(std::future::ready(()));
                tells.send(name()).ok();
            });
            drop(has_ended);
            name()
        });
        let before = before.await;
        assert!(before.is_some());
        assert_eq!(told.await.expect("it is done"), before);
    }

    #[tokio::test]
    async fn what_another_thread_leaves_behind_is_done_too() {
        let (tells, told) = oneshot::channel();
        leave(&Lifecycle::default(), move || tells.send("done").ok());
        assert_eq!(told.await, Ok("done"));
    }
}
