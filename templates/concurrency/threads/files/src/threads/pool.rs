//! A bounded pool of named threads.

use std::{
    any::Any,
    collections::VecDeque,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{self, Poll, ready},
    thread,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Span;

use super::hand::{self, Stopped, Task};
use crate::{
    config::Config,
    edge::lifecycle::Lifecycle,
    lock::LockAnyway as _,
    telemetry::{metrics, threads as telemetry},
};

/// So that a burst finds its threads again, and the memory of one that is over is given back.
const IDLE: Duration = Duration::from_secs(10);

/// Clones share it.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    name: &'static str,
    size: usize,
    terms: Terms,
    places: Arc<Semaphore>,
    crew: Mutex<Crew>,
    task_is_there: Condvar,
}

/// What is the same for all pools.
#[derive(Clone)]
pub(super) struct Terms {
    /// Of a thread, in bytes.
    pub(super) stack_size: usize,
    /// For a place.
    pub(super) longest_wait: Duration,
    /// A thread that has had nothing to do for this long ends.
    pub(super) idle: Duration,
    /// Where what is asynchronous runs.
    pub(super) runtime: Handle,
    /// Ends with the last work.
    pub(super) lifecycle: Lifecycle,
    /// Where work may have streams made.
    pub(super) streams: Option<Pool>,
}

impl Terms {
    pub(super) fn new(config: &Config, lifecycle: &Lifecycle) -> Self {
        let stack_size = config.threads.stack_size.as_u64();
        Self {
            stack_size: usize::try_from(stack_size).unwrap_or(usize::MAX),
            longest_wait: config.limits.queue_timeout,
            idle: IDLE,
            runtime: Handle::current(),
            lifecycle: lifecycle.clone(),
            streams: None,
        }
    }
}

#[derive(Default)]
struct Crew {
    threads: usize,
    idle: usize,
    /// For threads that are idle, or about to be.
    tasks: VecDeque<Task>,
    /// How many numbers were given to threads, and those of them that no thread has.
    numbers: usize,
    free_numbers: Vec<usize>,
}

impl Pool {
    pub(super) fn new(name: &'static str, size: usize, terms: Terms) -> Self {
        let pool = Self(Arc::new(Shared {
            name,
            size,
            terms,
            places: Arc::new(Semaphore::new(size)),
            crew: Mutex::default(),
            task_is_there: Condvar::new(),
        }));
        let watched = Arc::downgrade(&pool.0);
        telemetry::pool(name, move || Some(watched.upgrade()?.counts()));
        pool
    }

    /// A place for work; none where none became free in time.
    pub async fn enter(&self) -> Option<Place> {
        let places = &self.0.places;
        let place = match places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                let waiting = timeout(self.0.terms.longest_wait, places.clone().acquire_owned());
                waiting.await.ok()?.ok()?
            }
        };
        Some(Place {
            pool: self.clone(),
            _place: Arc::new(place),
        })
    }

    /// Tells how many places are taken; none once the pool is gone, which this does not keep.
    pub fn watched(&self) -> impl Fn() -> Option<u32> + use<> {
        let pool = Arc::downgrade(&self.0);
        move || {
            let pool = pool.upgrade()?;
            let taken = pool.size.saturating_sub(pool.places.available_permits());
            Some(u32::try_from(taken).unwrap_or(u32::MAX))
        }
    }
}

#[cfg(test)]
impl Pool {
    pub(super) fn threads(&self) -> usize {
        self.0.crew().threads
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.0.name).finish()
    }
}

/// A place among those that may have a thread of the pool. It is free again once all clones are dropped.
#[derive(Clone, Debug)]
pub struct Place {
    pool: Pool,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Place {
    /// Does work on a thread, which has this place until the work has really ended. Whoever drops what this gives does
    /// not want the work any more: it is stopped at its next wait.
    pub fn begin<T, F>(self, work: F) -> Running<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let pool = self.pool.0.clone();
        let (stop, span) = (CancellationToken::new(), Span::current());
        let (tells, outcome) = oneshot::channel();
        let (ends, end) = oneshot::channel::<()>();
        pool.terms.lifecycle.spawn(end);
        let (stops, streams) = (stop.clone(), pool.terms.streams.clone());
        // Where there is no thread for it, the task is dropped before the crew knows.
        let held = self.clone();
        let task = move || {
            span.in_scope(|| {
                hand::work(stops, streams, work, |outcome| {
                    // Where nobody waits any more, it is dropped.
                    tells.send(outcome).ok();
                });
            });
            // The process may end once nothing is at work any more, and a span that has not ended is not exported.
            drop(span);
            drop((self, ends));
        };
        let refused = pool.submit(Box::new(task)).err();
        drop(held);
        Running {
            outcome,
            refused,
            _stop: stop.drop_guard(),
        }
    }
}

/// Why work came to nothing.
#[derive(Debug)]
pub enum Broken {
    /// The hook has logged it.
    Panicked(Box<dyn Any + Send>),
    /// It was not wanted any more.
    Stopped,
    /// The system has no more threads.
    NoThread(io::Error),
}

/// Work on a thread, to be waited for; dropped, it is stopped.
#[must_use = "dropped, it is stopped"]
pub struct Running<T> {
    outcome: oneshot::Receiver<Result<T, Box<dyn Any + Send>>>,
    refused: Option<io::Error>,
    _stop: DropGuard,
}

impl<T> Future for Running<T> {
    type Output = Result<T, Broken>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.outcome).poll(context));
        Poll::Ready(match outcome {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(payload)) if payload.is::<Stopped>() => Err(Broken::Stopped),
            Ok(Err(payload)) => Err(Broken::Panicked(payload)),
            Err(_) => Err(self
                .refused
                .take()
                .map_or(Broken::Stopped, Broken::NoThread)),
        })
    }
}

impl Shared {
    /// Gives the task to a thread that is idle, or to a new one. There are no more tasks than places, so one that must
    /// wait waits for a thread that has given its place back, and no longer than it takes to turn around.
    fn submit(self: Arc<Self>, task: Task) -> io::Result<()> {
        let mut crew = self.crew();
        if crew.tasks.len() < crew.idle || crew.threads >= self.size {
            crew.tasks.push_back(task);
            self.task_is_there.notify_one();
            return Ok(());
        }
        let number = crew.join();
        drop(crew);
        let pool = self.clone();
        let thread = thread::Builder::new()
            .name(format!("{}-{number}", self.name))
            .stack_size(self.terms.stack_size)
            .spawn(move || pool.serve(number, task));
        if thread.is_err() {
            self.crew().leave(number);
        }
        thread.map(drop)
    }

    /// The life of a thread.
    fn serve(&self, number: usize, first: Task) {
        let _runtime = self.terms.runtime.enter();
        let mut next = Some(first);
        while let Some(task) = next {
            // Work has its own net; this is for what panics when it is dropped.
            if catch_unwind(AssertUnwindSafe(task)).is_err() {
                metrics::panicked();
            }
            next = self.next(number);
        }
    }

    /// The next task; none where the thread is to end.
    fn next(&self, number: usize) -> Option<Task> {
        let mut crew = self.crew();
        crew.idle += 1;
        let waited = self
            .task_is_there
            .wait_timeout_while(crew, self.terms.idle, |crew| crew.tasks.is_empty());
        let (mut crew, _) = waited.unwrap_or_else(PoisonError::into_inner);
        crew.idle -= 1;
        let task = crew.tasks.pop_front();
        if task.is_none() {
            crew.leave(number);
        }
        task
    }

    /// Nothing is left half done under the lock, so a panic elsewhere changes nothing.
    fn crew(&self) -> MutexGuard<'_, Crew> {
        self.crew.lock_anyway()
    }

    /// Threads that work, and idle ones.
    fn counts(&self) -> (usize, usize) {
        let crew = self.crew();
        (crew.threads.saturating_sub(crew.idle), crew.idle)
    }
}

impl Crew {
    /// One more thread; its number.
    fn join(&mut self) -> usize {
        self.threads += 1;
        self.free_numbers.pop().unwrap_or_else(|| {
            self.numbers += 1;
            self.numbers
        })
    }

    fn leave(&mut self, number: usize) {
        self.threads -= 1;
        self.free_numbers.push(number);
    }
}
