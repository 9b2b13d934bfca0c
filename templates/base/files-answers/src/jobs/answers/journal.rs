//! Writes down what all durable answers of this process make: a few times a second, all of it in one transaction. A
//! transaction for each token, or even for each answer, would leave no time for the writes of others.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::{
    sync::{Notify, futures::OwnedNotified, oneshot},
    time::{sleep, timeout},
};
use uuid::Uuid;

use crate::{
    app::state::App,
    data::{
        answers::{Lease, Stored, log},
        error::Error,
    },
    jobs::transact,
};

/// Between two transactions. What comes meanwhile waits for the next one, so readers are this far behind.
const PAUSE: Duration = Duration::from_millis(50);

/// How often readers look for what is made by another process.
const LOOK: Duration = Duration::from_millis(150);

/// And for what is made by this one, where they are told as soon as there is something.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// The answers that are made by this process, and who waits for more of them.
    held: Mutex<HashMap<Uuid, Arc<Notify>>>,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: Vec<Entry>,
    /// A task is at it, or about to be.
    is_written: bool,
}

#[derive(Debug)]
struct Entry {
    lease: Lease,
    events: Vec<Stored>,
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
    id: Uuid,
}

/// Hears of what is written down after it was made.
pub struct News(Option<OwnedNotified>);

impl Journal {
    pub(super) fn hold(&self, id: Uuid) -> Held {
        lock(&self.0.held).insert(id, Arc::default());
        Held {
            journal: self.clone(),
            id,
        }
    }

    pub fn listen(&self, id: Uuid) -> News {
        let held = lock(&self.0.held).get(&id).cloned();
        News(held.map(Notify::notified_owned))
    }

    /// Writes events down and renews the lease.
    pub(super) async fn append(&self, app: &App, lease: Lease, events: &[Stored]) -> Written {
        let (written, answer) = oneshot::channel();
        let entry = Entry {
            lease,
            events: events.to_vec(),
            written,
        };
        if self.enter(entry) {
            app.lifecycle.spawn(self.clone().write(app.clone()));
        }
        answer.await.unwrap_or(Written::No)
    }

    /// Whether somebody must begin to write.
    fn enter(&self, entry: Entry) -> bool {
        let mut waiting = lock(&self.0.waiting);
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
            for entry in entries {
                writing.0.tell(entry, held.as_deref().ok());
            }
            sleep(PAUSE).await;
        }
    }

    fn tell(&self, entry: Entry, held: Option<&[Uuid]>) {
        let written = match held {
            Some(held) if held.contains(&entry.lease.id) => Written::Yes,
            Some(_) => Written::LeaseLost,
            None => Written::No,
        };
        // It is dropped where the process is stopping, and nobody waits.
        entry.written.send(written).ok();
        if !entry.events.is_empty() {
            self.notify(entry.lease.id);
        }
    }

    fn notify(&self, id: Uuid) {
        if let Some(readers) = lock(&self.0.held).get(&id) {
            readers.notify_waiters();
        }
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
        let mut waiting = lock(&self.0.0.waiting);
        let entries = mem::take(&mut waiting.entries);
        waiting.is_written = !entries.is_empty();
        waiting.is_written.then_some(entries)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(&self.0.0.waiting).is_written = false;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.journal.notify(self.id);
        lock(&self.journal.0.held).remove(&self.id);
    }
}

impl News {
    /// Ends with the first news, or when it is time to look without; after `longest` at the latest.
    pub async fn within(self, longest: Duration) {
        match self.0 {
            Some(news) => drop(timeout(longest.min(LOOK_ANYWAY), news).await),
            None => sleep(longest.min(LOOK)).await,
        }
    }
}

/// What is done under the lock cannot be left half done, so a panic elsewhere changes nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
