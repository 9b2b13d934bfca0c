//! Connections are driven by the runtime beside the cores, whoever opens them: a core that is held up holds up no statement
//! of another.

use std::{future::poll_fn, pin::pin};

use tokio::runtime::Handle;

/// The runtime on which the database was opened.
#[derive(Clone, Debug)]
pub(super) struct Home(Handle);

impl Home {
    pub(super) fn here() -> Self {
        Self(Handle::current())
    }

    /// Does the work where it is asked for; the sockets and timers that it makes are of this runtime.
    pub(super) async fn open<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let _home = self.0.enter();
            work.as_mut().poll(context)
        })
        .await
    }
}
