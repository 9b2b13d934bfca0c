//! Readers, each a connection of its own. sqlx's pool lends connections without saying which; but to stop a
//! statement it must be known which one runs it, and asking the connection costs a hop to its thread.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex},
};

use sqlx::{
    SqliteConnection, SqlitePool,
    pool::{PoolConnection, PoolOptions},
    sqlite::{Sqlite, SqliteConnectOptions},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::interrupt::Interrupt;
use crate::lock::LockAnyway as _;

/// A pool of one connection, and what stops that connection's statements.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) pool: SqlitePool,
    pub(super) interrupt: Interrupt,
}

impl Lane {
    pub(super) fn new(pool: PoolOptions<Sqlite>, connect: SqliteConnectOptions) -> Self {
        let interrupt = Interrupt::default();
        let installed = interrupt.clone();
        let pool = pool
            .max_connections(1)
            .after_connect(move |connection, _| {
                let interrupt = installed.clone();
                Box::pin(async move { interrupt.install(connection).await })
            })
            .connect_lazy_with(connect);
        Self { pool, interrupt }
    }
}

/// A lane that nobody uses, with its connection once it has one.
#[derive(Debug)]
struct Idle {
    lane: Lane,
    connection: Option<PoolConnection<Sqlite>>,
}

/// Lanes that are lent one by one, the last used first: its thread and its pages are warm. Clones share
/// them.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    idle: Arc<Mutex<Vec<Idle>>>,
    places: Arc<Semaphore>,
    size: u32,
}

impl Lanes {
    pub(super) fn new(lanes: Vec<Lane>) -> Self {
        let size = lanes.len();
        let idle = lanes
            .into_iter()
            .map(|lane| Idle {
                lane,
                connection: None,
            })
            .collect();
        Self {
            idle: Arc::new(Mutex::new(idle)),
            places: Arc::new(Semaphore::new(size)),
            size: u32::try_from(size).unwrap_or(u32::MAX),
        }
    }

    /// Waits for a lane; none comes after `close`.
    pub(super) async fn lend(&self) -> sqlx::Result<Lent> {
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
        let Idle { lane, connection } = self
            .idle
            .lock_anyway()
            .pop()
            .ok_or(sqlx::Error::PoolClosed)?;
        let idle = self.idle.clone();
        let mut lent = Lent {
            connection,
            lane,
            idle,
            is_suspect: false,
            _place: place,
        };
        if lent.connection.is_none() {
            lent.connection = Some(lent.lane.pool.acquire().await?);
        }
        // Nothing runs on it now, so nothing is cut off by the end of what ran last.
        lent.lane.interrupt.disarm();
        Ok(lent)
    }

    pub(super) fn size(&self) -> u32 {
        self.size
    }

    pub(super) fn in_use(&self) -> u32 {
        let free = u32::try_from(self.places.available_permits()).unwrap_or(u32::MAX);
        self.size.saturating_sub(free)
    }

    /// Lends nothing from here on and closes what is not on loan.
    pub(super) async fn close(&self) {
        self.places.close();
        let idle = std::mem::take(&mut *self.idle.lock_anyway());
        for Idle { lane, connection } in idle {
            drop(connection);
            lane.pool.close().await;
        }
    }
}

/// A connection on loan; dropped, its lane goes home before the place is free.
pub(super) struct Lent {
    /// None only while it is being made.
    connection: Option<PoolConnection<Sqlite>>,
    lane: Lane,
    idle: Arc<Mutex<Vec<Idle>>>,
    is_suspect: bool,
    _place: OwnedSemaphorePermit,
}

impl Lent {
    pub(super) fn interrupt(&self) -> &Interrupt {
        &self.lane.interrupt
    }

    /// A statement begins. Unless it is answered, the connection goes back through its pool, which waits
    /// for the end of whatever runs on it and tests it.
    pub(super) fn begin(&mut self) {
        self.is_suspect = true;
    }

    pub(super) fn answered(&mut self) {
        self.is_suspect = false;
    }
}

impl Deref for Lent {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection
            .as_ref()
            .unwrap_or_else(|| unreachable!("it is lent once it is made"))
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection
            .as_mut()
            .unwrap_or_else(|| unreachable!("it is lent once it is made"))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let connection = self.connection.take().filter(|_| !self.is_suspect);
        self.idle.lock_anyway().push(Idle {
            lane: self.lane.clone(),
            connection,
        });
    }
}
