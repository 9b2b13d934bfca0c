//! What the database tells by itself: that a job may be due. A trigger says so when its transaction commits
//! (`migrations/20260101000700_queue_news.sql`).

use sqlx::{PgPool, postgres::PgListener};

use super::classify;
use crate::data::error::Error;

const CHANNEL: &str = "jobs";

pub struct Notices(PgListener);

impl Notices {
    pub(super) async fn listen(pool: &PgPool) -> Result<Self, Error> {
        let mut listener = PgListener::connect_with(pool).await.map_err(classify)?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await.map_err(classify)?;
        Ok(Self(listener))
    }

    /// Waits for the next one: the kind of a job. None when the connection was lost; what was told meanwhile is not known.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        let notice = self.0.try_recv().await.map_err(classify)?;
        Ok(notice.map(|notice| notice.payload().to_owned()))
    }
}
