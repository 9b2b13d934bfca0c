//! A worker: one lane for each kind of job, so that slow ones take no place from others; the clock; and the
//! upkeep that any worker may do for all.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{Kind, attempt::Attempt, reader, schedule, writer};
use crate::{
    app::state::App,
    data::{
        error::Error,
        jobs::{self, Claimed, Lease, desk},
    },
    telemetry::metrics,
};

/// Few at a time, so that no request waits long for the write lock.
const BATCH: u32 = 100;

/// Works until the process drains, then waits for what it has begun.
pub async fn run(app: App) {
    let mut parts = JoinSet::new();
    for kind in Kind::ALL {
        parts.spawn(kept_up(app.clone(), move |app| lane(app, kind)));
    }
    parts.spawn(kept_up(app.clone(), schedule::run));
    parts.spawn(kept_up(app, upkeep));
    parts.join_all().await;
}

/// Begins a part of the worker again if it breaks off: without it, its jobs would wait for ever.
async fn kept_up<F>(app: App, part: impl Fn(App) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(error) = app.lifecycle.spawn(part(app.clone())).await {
        metrics::panicked();
        tracing::error!(%error, "a part of the worker broke off and begins again: {error}");
        rest(&app, sleep(app.config.jobs.poll_interval)).await;
    }
}

/// Claims jobs of a kind, one whenever there is a place, and works on them at once.
async fn lane(app: App, kind: Kind) {
    let places = Arc::new(Semaphore::new(kind.concurrency()));
    let mut attempts = JoinSet::new();
    while let Some(place) = place(&app, &places).await {
        // Before the look into the table: news of what comes between must not be lost.
        let news = app.news.listen(kind);
        match claim(&app, kind).await {
            Ok(Some((lease, claimed))) => {
                attempts.spawn(work(app.clone(), kind, lease, claimed, place));
            }
            Ok(None) => rest(&app, news.wait(app.config.jobs.poll_interval)).await,
            Err(error) => {
                tracing::warn!(%error, "no job could be claimed: {error}");
                rest(&app, sleep(app.config.jobs.poll_interval)).await;
            }
        }
        while attempts.try_join_next().is_some() {}
    }
    attempts.join_all().await;
}

/// Until it is over, or the process drains.
async fn rest(app: &App, pause: impl Future<Output = ()>) {
    tokio::select! {
        () = pause => {}
        () = app.lifecycle.draining() => {}
    }
}

/// A place for one more job; none once the process drains.
async fn place(app: &App, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = app.lifecycle.draining() => None,
        place = places.clone().acquire_owned() => place.ok(),
    }
}

async fn work(app: App, kind: Kind, lease: Lease, claimed: Claimed, place: OwnedSemaphorePermit) {
    let waited = u64::try_from(claimed.waited).unwrap_or_default();
    metrics::job_waited(kind.name(), Duration::from_millis(waited));
    Attempt::new(app, kind, lease, &claimed).run(claimed).await;
    drop(place);
}

async fn claim(app: &App, kind: Kind) -> Result<Option<(Lease, Claimed)>, Error> {
    let is_due = jobs::is_due(&mut reader(app).await?, kind.name()).await?;
    if !is_due {
        return Ok(None);
    }
    let token = Uuid::now_v7();
    let mut connection = writer(app).await?;
    let claimed = jobs::claim(&mut connection, kind.name(), token, app.config.jobs.lease).await?;
    Ok(claimed.map(|claimed| {
        let id = claimed.id;
        (Lease { id, token }, claimed)
    }))
}

/// Takes jobs from workers that died, and tells how much there is to do.
async fn upkeep(app: App) {
    loop {
        if let Err(error) = reap(&app).await {
            tracing::warn!(%error, "ended leases could not be taken back: {error}");
        }
        match backlog(&app).await {
            Ok(backlog) => backlog.iter().for_each(tell),
            Err(error) => tracing::warn!(%error, "the backlog could not be read: {error}"),
        }
        let pause = app.config.jobs.lease / 3;
        if timeout(pause, app.lifecycle.draining()).await.is_ok() {
            return;
        }
    }
}

async fn reap(app: &App) -> Result<(), Error> {
    for state in jobs::reap(&mut writer(app).await?, BATCH).await? {
        metrics::job_reaped(state.name());
        tracing::warn!(
            state = state.name(),
            "a job's worker died: it is now {}",
            state.name()
        );
    }
    Ok(())
}

fn tell(backlog: &desk::Backlog) {
    let oldest = Duration::from_millis(u64::try_from(backlog.oldest).unwrap_or_default());
    metrics::jobs(&backlog.kind, backlog.state.name(), backlog.jobs, oldest);
}

async fn backlog(app: &App) -> Result<Vec<desk::Backlog>, Error> {
    desk::backlog(&mut reader(app).await?).await
}
