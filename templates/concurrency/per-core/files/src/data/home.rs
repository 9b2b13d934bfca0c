//! Connections are driven by the runtime beside the cores, and go back there, whoever opens and drops them: a core that is
//! held up holds up no statement of another.

use std::{
    future::poll_fn,
    ops::{Deref, DerefMut},
};

use tokio::runtime::Handle;

/// The runtime on which the database was opened.
#[derive(Clone, Debug)]
pub(super) struct Home(Handle);

impl Home {
    pub(super) fn here() -> Self {
        Self(Handle::current())
    }

    /// Does the work where it is asked for; the sockets, timers and tasks that it makes are of this runtime.
    pub(super) async fn open<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = self.keep(Box::pin(work));
        poll_fn(|context| {
            let _home = self.0.enter();
            work.as_mut().poll(context)
        })
        .await
    }

    pub(super) fn keep<T>(&self, value: T) -> Kept<T> {
        Kept {
            value: Some(value),
            home: self.clone(),
        }
    }
}

/// What its drop begins, such as a connection's way back to the pool, is of that runtime too.
pub(super) struct Kept<T> {
    /// None once it is dropped or taken.
    value: Option<T>,
    home: Home,
}

impl<T> Kept<T> {
    /// The value, and where its way ends.
    pub(super) fn take(mut self) -> (T, Home) {
        let value = self.value.take().unwrap_or_else(|| gone());
        (value, self.home.clone())
    }
}

fn gone() -> ! {
    unreachable!("taken only at its end")
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().unwrap_or_else(|| gone())
    }
}

impl<T> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().unwrap_or_else(|| gone())
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        let _home = self.home.0.enter();
        drop(self.value.take());
    }
}
