//! From work that blocks to what is asynchronous: drivers, clients, timers.

use std::{panic::resume_unwind, thread, time::Duration};

use tokio::runtime::Handle;

use super::hand::{self, Stopped};

/// Waits for what is asynchronous, on the runtime of the edge. Where the work was stopped, this does not return: it
/// unwinds the stack of the work, as a panic does, but is none: nothing is logged, and nobody is answered.
///
/// For threads that may block, never for a task of the runtime.
pub fn wait<F: Future>(future: F) -> F::Output {
    // What a `Drop` does on the way out is done whole.
    if thread::panicking() {
        return block_on(future);
    }
    let stops = hand::stops();
    let done = block_on(async {
        tokio::select! {
            biased;
            () = stops.stopped() => None,
            done = future => Some(done),
        }
    });
    done.unwrap_or_else(|| resume_unwind(Box::new(Stopped)))
}

/// Waits for as long, unless the work is stopped.
pub fn sleep(duration: Duration) {
    // The timer is made where the runtime is known.
    wait(async { tokio::time::sleep(duration).await });
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread is one of those that are for this"
)]
fn block_on<F: Future>(future: F) -> F::Output {
    Handle::current().block_on(future)
}
