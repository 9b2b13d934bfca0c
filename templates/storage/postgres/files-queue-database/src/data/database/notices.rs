//! What the database tells by itself: that a job may be due. A trigger says so when its transaction commits
//! (`migrations/20260101000700_queue_news.sql`).

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::time::timeout;

use super::classify;
use crate::data::error::Error;

const CHANNEL: &str = "jobs";

/// After this long without a word the other end may be gone, as after a failover that hung up on nobody.
const QUIET: Duration = Duration::from_secs(5);

/// How long it may take to say that it is there.
const LOOK: Duration = Duration::from_secs(2);

pub struct Notices(PgListener);

impl Notices {
    /// With a connection of its own, in no pool that is closed: one that is dropped waits for its farewell to be answered, and
    /// who has gone without a word never does.
    pub(super) async fn listen(
        options: PgConnectOptions,
        longest: Duration,
    ) -> Result<Self, Error> {
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.acquire_timeout(longest).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&pool).await.map_err(classify)?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await.map_err(classify)?;
        Ok(Self(listener))
    }

    /// Waits for the next one: the kind of a job. None when the connection was lost; what was told meanwhile is not known.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        loop {
            if let Ok(told) = timeout(QUIET, self.0.try_recv()).await {
                let notice = told.map_err(classify)?;
                return Ok(notice.map(|notice| notice.payload().to_owned()));
            }
            let look = sqlx::query("SELECT 1").execute(&mut self.0);
            if !matches!(timeout(LOOK, look).await, Ok(Ok(_))) {
                return Ok(None);
            }
        }
    }
}
