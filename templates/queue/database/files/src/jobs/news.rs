//! The news that a job may be due. Within this process it comes at once; workers of other processes look
//! into the table now and then. It is news and no more: a job is safe without it, and one that is told of
//! twice is claimed once.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, futures::OwnedNotified},
    time::timeout,
};

use super::Kind;

/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct News([Arc<Notify>; Kind::ALL.len()]);

/// Hears what is published after it was made.
pub struct Listener(OwnedNotified);

impl News {
    /// Tells workers to look. After the commit: before it there is nothing to see.
    pub fn publish(&self, kind: Kind) {
        self.of(kind).notify_waiters();
    }

    pub(super) fn listen(&self, kind: Kind) -> Listener {
        Listener(self.of(kind).clone().notified_owned())
    }

    fn of(&self, kind: Kind) -> &Arc<Notify> {
        &self.0[kind as usize]
    }
}

impl Listener {
    /// Ends with the first news, or after `longest`, when it is time to look without.
    pub(super) async fn wait(self, longest: Duration) {
        timeout(longest, self.0).await.ok();
    }
}
