//! Writes down what all durable answers of this process make: a few times a second, all of it in one transaction. A
//! transaction for each token, or even for each answer, would leave no time for the writes of others.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{
        broadcast::{self, error::RecvError},
        oneshot,
    },
    time::{Instant, sleep, sleep_until, timeout},
};
use uuid::Uuid;

use crate::{
    app::state::App,
    data::{
        answers::{Lease, Stored, log},
        error::Error,
    },
    jobs::transact,
    lock::LockAnyway as _,
};

/// Between two transactions. What comes meanwhile waits for the next one, so readers are this far behind.
const PAUSE: Duration = Duration::from_millis(50);

/// In so many steps at most, one after the other in this pause, the readers of a batch are told. All of them together
/// would hold every thread, and whoever just wants to read a document would wait.
const STEPS: usize = 20;

/// Between two steps.
const STEP: Duration = Duration::from_millis(1);

/// Answers whose readers are told in one step, however few they are.
const TOLD_AT_ONCE: usize = 4;

/// How often readers look for what is made by another process.
const LOOK: Duration = Duration::from_millis(150);

/// And for what is made by this one, where they are told as soon as there is something.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// Batches that a reader may be behind before it has to look for itself.
const BACKLOG: usize = 16;

/// Clones share it.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Where it writes, whoever began it: one request that holds its thread must not hold up all answers.
    runtime: Handle,
    waiting: Mutex<Waiting>,
    /// The answers that are made by this process, and the way to who reads them here.
    held: Mutex<HashMap<Uuid, broadcast::Sender<Batch>>>,
}

/// Events of one answer that were written down together.
type Batch = Arc<[Stored]>;

#[derive(Debug, Default)]
struct Waiting {
    entries: Vec<Entry>,
    /// A task is at it, or about to be.
    is_written: bool,
}

#[derive(Debug)]
struct Entry {
    lease: Lease,
    events: Batch,
    written: oneshot::Sender<Written>,
}

impl Entry {
    fn addressed(&self) -> impl Iterator<Item = (Uuid, &Stored)> {
        let id = self.lease.id;
        self.events.iter().map(move |event| (id, event))
    }
}

/// What became of events that were to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Yes,
    LeaseLost,
    /// The database did not take them; they may be given again.
    No,
}

/// An answer that is made by this process, until it is dropped.
pub(super) struct Held {
    journal: Journal,
    lease: Lease,
}

/// Hears of what is written down after it was made; nothing by itself where another process makes the answer.
pub struct News(Option<broadcast::Receiver<Batch>>);

impl Journal {
    /// Writes on the runtime that this is called on.
    pub fn open() -> Self {
        Self(Arc::new(Shared {
            runtime: Handle::current(),
            waiting: Mutex::default(),
            held: Mutex::default(),
        }))
    }

    /// A new answer. It is held before it has a row, so whoever reads it here, however early, is told of what comes.
    pub(super) fn hold(&self) -> Held {
        let lease = Lease {
            id: Uuid::now_v7(),
            token: Uuid::now_v7(),
        };
        let sender = broadcast::Sender::new(BACKLOG);
        self.0.held.lock_anyway().insert(lease.id, sender);
        Held {
            journal: self.clone(),
            lease,
        }
    }

    pub fn listen(&self, id: Uuid) -> News {
        News(
            self.0
                .held
                .lock_anyway()
                .get(&id)
                .map(broadcast::Sender::subscribe),
        )
    }

    /// Writes events down and renews the lease.
    pub(super) async fn append(&self, app: &App, lease: Lease, events: &[Stored]) -> Written {
        let (written, answer) = oneshot::channel();
        let entry = Entry {
            lease,
            events: events.into(),
            written,
        };
        if self.enter(entry) {
            let writing = self.clone().write(app.clone());
            app.lifecycle.spawn_on(writing, &self.0.runtime);
        }
        answer.await.unwrap_or(Written::No)
    }

    /// Whether somebody must begin to write.
    fn enter(&self, entry: Entry) -> bool {
        let mut waiting = self.0.waiting.lock_anyway();
        waiting.entries.push(entry);
        !mem::replace(&mut waiting.is_written, true)
    }

    /// Goes on for as long as there is something.
    async fn write(self, app: App) {
        let writing = Writing(self);
        while let Some(entries) = writing.take() {
            let held = flush(&app, &entries).await;
            if let Err(error) = &held {
                tracing::warn!(%error, "answers could not be written down: {error}");
            }
            let next = Instant::now() + PAUSE;
            writing.0.tell_all(entries, held.as_deref().ok()).await;
            sleep_until(next).await;
        }
    }

    async fn tell_all(&self, entries: Vec<Entry>, held: Option<&[Uuid]>) {
        let at_once = entries.len().div_ceil(STEPS).max(TOLD_AT_ONCE);
        for (number, entry) in entries.into_iter().enumerate() {
            if number > 0 && number % at_once == 0 {
                sleep(STEP).await;
            }
            self.tell(entry, held);
        }
    }

    fn tell(&self, entry: Entry, held: Option<&[Uuid]>) {
        let written = match held {
            Some(held) if held.contains(&entry.lease.id) => Written::Yes,
            Some(_) => Written::LeaseLost,
            None => Written::No,
        };
        if written == Written::Yes && !entry.events.is_empty() {
            let held = self.0.held.lock_anyway();
            // Nobody may be reading.
            held.get(&entry.lease.id)
                .map(|readers| readers.send(entry.events).ok());
        }
        // It is dropped where the process is stopping, and nobody waits.
        entry.written.send(written).ok();
    }
}

/// Gives the answers whose lease is still held.
async fn flush(app: &App, entries: &[Entry]) -> Result<Vec<Uuid>, Error> {
    let leases: Vec<Lease> = entries.iter().map(|entry| entry.lease).collect();
    transact(app, async |transaction| {
        let held = log::renew(transaction, &leases, app.config.answers.lease).await?;
        let of_held = entries
            .iter()
            .filter(|entry| held.contains(&entry.lease.id));
        let events: Vec<(Uuid, &Stored)> = of_held.flat_map(Entry::addressed).collect();
        log::append(transaction, &events).await?;
        Ok(held)
    })
    .await
}

/// The turn of the task that writes. Should it break off, the next entry begins another.
struct Writing(Journal);

impl Writing {
    fn take(&self) -> Option<Vec<Entry>> {
        let mut waiting = self.0.0.waiting.lock_anyway();
        let entries = mem::take(&mut waiting.entries);
        waiting.is_written = !entries.is_empty();
        waiting.is_written.then_some(entries)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.0.waiting.lock_anyway().is_written = false;
        }
    }
}

impl Held {
    pub(super) fn lease(&self) -> Lease {
        self.lease
    }
}

impl Drop for Held {
    /// Its readers have nobody to hear from any more, and look for its end themselves.
    fn drop(&mut self) {
        self.journal.0.held.lock_anyway().remove(&self.lease.id);
    }
}

impl News {
    /// Ends when nobody in this process makes the answer any more, or when it is time to look into the database, after
    /// `longest` at the latest.
    pub async fn end(&mut self, longest: Duration) {
        let longest = longest.min(LOOK_ANYWAY);
        let ended = async { while self.next(longest).await.is_some() {} };
        timeout(longest, ended).await.ok();
    }

    /// The next events; none when it is time to look into the database, after `longest` at the latest.
    pub async fn next(&mut self, longest: Duration) -> Option<Batch> {
        let Some(news) = &mut self.0 else {
            sleep(longest.min(LOOK)).await;
            return None;
        };
        match timeout(longest.min(LOOK_ANYWAY), news.recv()).await {
            Ok(Ok(batch)) => Some(batch),
            Ok(Err(RecvError::Closed)) => {
                self.0 = None;
                None
            }
            Ok(Err(RecvError::Lagged(_))) | Err(_) => None,
        }
    }
}
