//! The news that a job may be due. Within this process it comes at once; to workers of other processes a broker brings
//! it, once it is committed. It is news and no more: a job is safe without it, and one that is told of twice is claimed
//! once.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, futures::OwnedNotified, watch},
    time::timeout,
};

use super::Kind;

/// Workers look without news this much more rarely than the sweeper, which looks for all of them.
const RARELY: u32 = 10;

/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct News(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    kinds: [Told; Kind::ALL.len()],
    outbox: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Told {
    news: Arc<Notify>,
    /// How many wait for it.
    idle: Arc<watch::Sender<u32>>,
}

/// Hears what is published after it was made.
pub struct Listener {
    news: OwnedNotified,
    idle: Arc<watch::Sender<u32>>,
}

impl News {
    /// Tells workers to look, and the relay: there is something to tell others. After the commit: before it there is
    /// nothing to see.
    pub fn publish(&self, kind: Kind) {
        self.wake(kind);
        self.relay();
    }

    /// The relay alone: an event was committed.
    pub fn relay(&self) {
        self.0.outbox.notify_waiters();
    }

    pub(super) fn listen(&self, kind: Kind) -> Listener {
        let told = self.of(kind);
        Listener {
            news: told.news.clone().notified_owned(),
            idle: told.idle.clone(),
        }
    }

    /// The workers of this process.
    pub(super) fn wake(&self, kind: Kind) {
        self.of(kind).news.notify_waiters();
    }

    /// Ends when a worker of this process waits for news.
    pub(super) async fn wanted(&self, kind: Kind) {
        let mut idle = self.of(kind).idle.subscribe();
        // The sender is there for as long as this.
        idle.wait_for(|idle| *idle > 0).await.ok();
    }

    pub(super) fn is_wanted(&self, kind: Kind) -> bool {
        *self.of(kind).idle.borrow() > 0
    }

    /// For the relay: ends at what is published after this was called.
    pub(super) fn committed(&self) -> OwnedNotified {
        self.0.outbox.clone().notified_owned()
    }

    fn of(&self, kind: Kind) -> &Told {
        &self.0.kinds[kind as usize]
    }
}

impl Listener {
    /// Ends with the first news, or when it is time to look without; the sweeper does that every `longest`.
    pub(super) async fn wait(self, longest: Duration) {
        let _idle = Idle::begin(self.idle);
        timeout(longest * RARELY, self.news).await.ok();
    }
}

/// Counted for as long as it is kept.
struct Idle(Arc<watch::Sender<u32>>);

impl Idle {
    fn begin(count: Arc<watch::Sender<u32>>) -> Self {
        count.send_modify(|idle| *idle += 1);
        Self(count)
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.0.send_modify(|idle| *idle -= 1);
    }
}
