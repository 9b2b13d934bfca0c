//! What the simulator was asked, and who left before the end.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::Serialize;

use super::Kind;

/// Since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests for an answer.
    pub chats: u64,
    /// Requests for vectors.
    pub embeddings: u64,
    /// Requests that are being answered.
    pub running: u64,
    /// Requests whose client left before the end of the answer.
    pub left: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counter {
    chats: AtomicU64,
    embeddings: AtomicU64,
    ended: AtomicU64,
    left: AtomicU64,
}

impl Counter {
    pub(super) fn visit(self: &Arc<Self>, kind: Kind) -> Visit {
        let count = match kind {
            Kind::Chat => &self.chats,
            Kind::Embeddings => &self.embeddings,
        };
        count.fetch_add(1, Ordering::SeqCst);
        Visit {
            counter: self.clone(),
            has_ended: false,
        }
    }

    pub(super) fn read(&self) -> Stats {
        let ended = self.ended.load(Ordering::SeqCst);
        let left = self.left.load(Ordering::SeqCst);
        let chats = self.chats.load(Ordering::SeqCst);
        let embeddings = self.embeddings.load(Ordering::SeqCst);
        Stats {
            chats,
            embeddings,
            running: chats + embeddings - ended - left,
            left,
        }
    }
}

/// One request; one that is dropped before its end was left.
#[derive(Debug)]
pub(super) struct Visit {
    counter: Arc<Counter>,
    has_ended: bool,
}

impl Visit {
    pub(super) fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let count = if self.has_ended {
            &self.counter.ended
        } else {
            &self.counter.left
        };
        count.fetch_add(1, Ordering::SeqCst);
    }
}
