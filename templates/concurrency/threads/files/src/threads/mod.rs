//! Threads for work that blocks: the handlers of requests and of jobs, and what makes the events of a stream. Each
//! class of requests has a pool of its own, as large as the class's limit, so that slow answers never take the threads
//! of quick ones.
//!
//! To such work everything is a plain call. What is asynchronous below it is waited for with `wait`, and that is where
//! work can be stopped: when nobody wants it any more, its next wait unwinds its stack. So a lock, a transaction or a
//! call to somebody else's service ends as its `Drop` says. A computation is not stopped: it keeps its thread, and its
//! place, until it waits or ends.

mod bridge;
mod hand;
mod pool;
#[cfg(test)]
mod tests;

use std::array;

use self::pool::Terms;
pub use self::{
    bridge::{sleep, wait},
    hand::{afterwards, streams, unstoppable, until},
    pool::{Broken, Place, Pool, Running},
};
use crate::{
    config::Config,
    edge::{class::Class, lifecycle::Lifecycle},
    jobs::Kind,
};

#[cfg(test)]
pub(crate) use self::tests::on_a_thread;

/// The process's pools. Clones share them.
#[derive(Clone, Debug)]
pub struct Threads {
    classes: [Pool; Class::ALL.len()],
    jobs: [Pool; Kind::ALL.len()],
}

impl Threads {
    /// No thread is made before there is work for it. From inside the runtime, where what is waited for runs.
    pub fn new(config: &Config, lifecycle: &Lifecycle) -> Self {
        let mut terms = Terms::new(config, lifecycle);
        let streams = Pool::new("stream", config.threads.streams as usize, terms.clone());
        terms.streams = Some(streams);
        let of_class = |class: Class| {
            let size = class.limit(&config.limits) as usize;
            Pool::new(class.name(), size, terms.clone())
        };
        let of_kind = |kind: Kind| Pool::new(kind.name(), kind.concurrency(), terms.clone());
        Self {
            classes: Class::ALL.map(of_class),
            jobs: array::from_fn(|at| of_kind(Kind::ALL[at])),
        }
    }

    /// For the handlers of requests of this class.
    pub fn of(&self, class: Class) -> &Pool {
        &self.classes[class as usize]
    }

    /// For the handlers of jobs of this kind: a thread for each that a worker may have at once.
    pub fn jobs(&self, kind: Kind) -> &Pool {
        &self.jobs[kind as usize]
    }
}
