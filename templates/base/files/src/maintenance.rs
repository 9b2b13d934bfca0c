//! What must be done now and then, by whichever instance comes first. Each pass is safe to run on all.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    app::state::App,
    data::{error::Error, idempotency, meter::Meter},
    edge::deadline::Deadline,
};

const PAUSE: Duration = Duration::from_secs(60);
const PASS_TIMEOUT: Duration = Duration::from_secs(5);
/// Few at a time, so that no request waits long for the write lock.
const BATCH: u32 = 500;

/// Runs until the lifecycle closes.
pub async fn run(app: App) {
    loop {
        tokio::select! {
            () = app.lifecycle.closed() => return,
            () = sleep(PAUSE) => {}
        }
        if let Err(error) = purge_idempotency_keys(&app).await {
            tracing::warn!(%error, "expired idempotency keys could not be removed: {error}");
        }
    }
}

/// Removes keys whose time is over, batch by batch, until there are none or the time is up.
pub async fn purge_idempotency_keys(app: &App) -> Result<u64, Error> {
    let deadline = Deadline::after(PASS_TIMEOUT);
    let mut removed = 0;
    loop {
        let mut connection = app.database.write(deadline, &Meter::default()).await?;
        let batch = idempotency::purge(&mut connection, BATCH).await?;
        removed += batch;
        if batch < u64::from(BATCH) {
            return Ok(removed);
        }
    }
}
