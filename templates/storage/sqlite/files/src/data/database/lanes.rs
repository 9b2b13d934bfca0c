//! Pools of one connection each. sqlx lends connections without saying which; but to stop a statement, it
//! must be known whose clock it runs by, and asking the connection would cost a hop to its thread for
//! every loan.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::{
    SqlitePool,
    pool::PoolOptions,
    sqlite::{Sqlite, SqliteConnectOptions},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::interrupt::Interrupt;

/// One connection and what stops its statements.
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

/// Lanes that are lent one by one. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    all: Arc<[Lane]>,
    idle: Arc<Mutex<VecDeque<Lane>>>,
    places: Arc<Semaphore>,
}

impl Lanes {
    pub(super) fn new(lanes: Vec<Lane>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(lanes.len())),
            idle: Arc::new(Mutex::new(lanes.clone().into())),
            all: lanes.into(),
        }
    }

    /// Waits for a lane; none comes after `close`.
    pub(super) async fn lend(&self) -> sqlx::Result<Lent> {
        let place = self
            .places
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let lane = lock(&self.idle)
            .pop_front()
            .ok_or(sqlx::Error::PoolClosed)?;
        Ok(Lent {
            lane: Some(lane),
            home: self.idle.clone(),
            _place: place,
        })
    }

    pub(super) fn size(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn in_use(&self) -> u32 {
        let free = u32::try_from(self.places.available_permits()).unwrap_or(u32::MAX);
        self.size().saturating_sub(free)
    }

    pub(super) async fn close(&self) {
        self.places.close();
        for lane in &*self.all {
            lane.pool.close().await;
        }
    }
}

/// A lane on loan; dropped, it goes home before its place is free.
pub(super) struct Lent {
    lane: Option<Lane>,
    home: Arc<Mutex<VecDeque<Lane>>>,
    _place: OwnedSemaphorePermit,
}

impl Lent {
    pub(super) fn lane(&self) -> Option<&Lane> {
        self.lane.as_ref()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        lock(&self.home).extend(self.lane.take());
    }
}

/// Pushing and popping cannot leave the queue half done, so a panic elsewhere changes nothing.
fn lock(idle: &Mutex<VecDeque<Lane>>) -> std::sync::MutexGuard<'_, VecDeque<Lane>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
