//! What must be done now and then, as a job that the clock asks for. It is safe to do at any time.

use std::time::Duration;

use serde_json::json;

use crate::{
    app::context::Context,
    data::{
        error::Error,
        idempotency,
        jobs::{State, desk},
    },
    jobs::{Done, Failure, Work},
};

/// Few at a time, so that no request waits long for the write lock.
const BATCH: u32 = 500;

/// The job.
pub async fn run(work: &mut Work) -> Result<Done, Failure> {
    let keys = purge_idempotency_keys(work.context()).await?;
    let jobs = purge_jobs(work.context()).await?;
    work.finish(async |_| Ok(json!({ "idempotency_keys": keys, "jobs": jobs })))
        .await
}

/// Removes keys whose time is over, batch by batch, and says how many.
pub async fn purge_idempotency_keys(context: &mut Context) -> Result<u64, Error> {
    let mut removed = 0;
    loop {
        let batch = idempotency::purge(&mut *context.write().await?, BATCH).await?;
        removed += batch;
        if batch < u64::from(BATCH) {
            return Ok(removed);
        }
    }
}

/// Removes jobs that ended long ago. Dead ones are kept longer: somebody may still want to look.
pub async fn purge_jobs(context: &mut Context) -> Result<u64, Error> {
    let kept = context.config().jobs.retention;
    let ages = [
        (State::Succeeded, kept),
        (State::Cancelled, kept),
        (State::Dead, kept * 4),
    ];
    let mut removed = 0;
    for (state, age) in ages {
        removed += purge_jobs_in(context, state, age).await?;
    }
    Ok(removed)
}

async fn purge_jobs_in(context: &mut Context, state: State, age: Duration) -> Result<u64, Error> {
    let mut removed = 0;
    loop {
        let mut connection = context.write().await?;
        let batch = desk::purge(&mut connection, state, age, BATCH).await?;
        drop(connection);
        removed += batch;
        if batch < u64::from(BATCH) {
            return Ok(removed);
        }
    }
}
