//! What a thread has in hand: what stops its work, and what it will do afterwards.

use std::{
    any::Any,
    cell::RefCell,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use tokio_util::sync::CancellationToken;

use super::pool::Pool;

pub(super) type Task = Box<dyn FnOnce() + Send>;

/// What unwinds the stack of work that was stopped.
pub(super) struct Stopped;

thread_local! {
    static HAND: RefCell<Option<Hand>> = const { RefCell::new(None) };
}

struct Hand {
    stops: Stops,
    afterwards: Vec<Task>,
    streams: Option<Pool>,
}

/// What stops work: none of it where there is none.
#[derive(Clone, Default)]
pub(super) struct Stops {
    /// Nobody waits for it any more.
    own: Option<CancellationToken>,
    /// A part of it is for somebody who may leave earlier.
    part: Option<CancellationToken>,
}

impl Stops {
    pub(super) async fn stopped(&self) {
        tokio::select! {
            () = cancelled(self.own.as_ref()) => {}
            () = cancelled(self.part.as_ref()) => {}
        }
    }
}

async fn cancelled(token: Option<&CancellationToken>) {
    match token {
        Some(token) => token.cancelled().await,
        None => pending().await,
    }
}

/// What stops the work in hand.
pub(super) fn stops() -> Stops {
    with(|hand| hand.stops.clone()).unwrap_or_default()
}

/// Where the work in hand may have a stream made.
pub fn streams() -> Option<Pool> {
    with(|hand| hand.streams.clone()).flatten()
}

/// Does work on this thread, which is one of a pool, until it ends or `stop` stops it. Then `finish` hears what came of
/// it, and what it left for afterwards is done.
pub(super) fn work<T>(
    stop: CancellationToken,
    streams: Option<Pool>,
    work: impl FnOnce() -> T,
    finish: impl FnOnce(Result<T, Box<dyn Any + Send>>),
) {
    if stop.is_cancelled() {
        finish(Err(Box::new(Stopped)));
        return;
    }
    let stops = Stops {
        own: Some(stop),
        part: None,
    };
    HAND.set(Some(Hand {
        stops,
        afterwards: Vec::new(),
        streams,
    }));
    let outcome = catch_unwind(AssertUnwindSafe(work));
    // Where nobody waits for the outcome, its drop is run here, and may panic. What was left is done all the same.
    catch_unwind(AssertUnwindSafe(|| finish(outcome))).ok();
    with(|hand| hand.stops = Stops::default());
    while let Some(task) = with(|hand| hand.afterwards.pop()).flatten() {
        // One that panics takes nothing from the others; the hook has logged it.
        catch_unwind(AssertUnwindSafe(task)).ok();
    }
    HAND.set(None);
}

/// Leaves a task to be done on this thread once the work in hand has ended, whatever ended it. Gives it back where this
/// thread is none of a pool.
pub fn afterwards<F: FnOnce() + Send + 'static>(task: F) -> Result<(), F> {
    let mut task = Some(task);
    with(|hand| {
        if let Some(task) = task.take() {
            hand.afterwards.push(Box::new(task));
        }
    });
    task.map_or(Ok(()), Err)
}

/// Does a part of the work in hand that nothing stops.
pub fn unstoppable<T>(part: impl FnOnce() -> T) -> T {
    let _before = Before::set(Stops::default());
    part()
}

/// Does a part of the work in hand that `stop` stops too: then there is no outcome.
pub fn until<T>(stop: &CancellationToken, part: impl FnOnce() -> T) -> Option<T> {
    let own = stops().own;
    let part_of = Before::set(Stops {
        own: own.clone(),
        part: Some(stop.clone()),
    });
    let done = catch_unwind(AssertUnwindSafe(part));
    drop(part_of);
    let is_all_stopped = own.is_some_and(|own| own.is_cancelled());
    match done {
        Ok(done) => Some(done),
        Err(payload) if payload.is::<Stopped>() && !is_all_stopped => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// What stopped the work before, and will again once this is dropped.
struct Before(Stops);

impl Before {
    fn set(stops: Stops) -> Self {
        let before = with(|hand| std::mem::replace(&mut hand.stops, stops));
        Self(before.unwrap_or_default())
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        let before = std::mem::take(&mut self.0);
        with(|hand| hand.stops = before);
    }
}

/// None where this thread has nothing in hand: it is none of a pool.
fn with<T>(look: impl FnOnce(&mut Hand) -> T) -> Option<T> {
    HAND.with_borrow_mut(|hand| hand.as_mut().map(look))
}
