//! What a job's handler works with.

use serde::Serialize;
use uuid::Uuid;

use super::{Failure, Kind, webhooks};
use crate::{
    app::context::Context,
    data::{
        connection::Transaction,
        jobs::{self, Lease},
    },
};

/// One attempt at a job, as its handler sees it.
pub struct Work {
    context: Context,
    lease: Lease,
    attempt: i64,
    percent: u8,
}

/// The job has ended in the transaction of its effect. Only `Work::finish` makes one, so a handler cannot
/// succeed in any other way.
#[derive(Debug)]
pub struct Done(());

impl Done {
    /// Another process made one, and says so.
    pub(super) fn elsewhere() -> Self {
        Self(())
    }
}

impl Work {
    pub(super) fn new(context: Context, lease: Lease, attempt: i64) -> Self {
        Self {
            context,
            lease,
            attempt,
            percent: 0,
        }
    }

    /// The job's, the same at every attempt.
    pub fn id(&self) -> Uuid {
        self.lease.id
    }

    /// The number of this attempt, the first being 1.
    pub fn attempt(&self) -> i64 {
        self.attempt
    }

    /// As an endpoint's: its caller is the job's tenant, its deadline the job's time limit.
    pub fn context(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Tells whoever watches how far it is. The same again costs nothing.
    pub async fn progress(&mut self, percent: u8) -> Result<(), Failure> {
        if self.percent == percent {
            return Ok(());
        }
        self.percent = percent;
        let mut connection = self.context.write().await?;
        if jobs::progress(&mut connection, self.lease, percent).await? {
            Ok(())
        } else {
            Err(Failure::TakenAway)
        }
    }

    /// Commits what is to be kept of this attempt though it fails; nothing if the job was taken away.
    pub async fn record<F, R>(&mut self, effect: F) -> Result<R, Failure>
    where
        F: AsyncFnOnce(&mut Transaction<'_>) -> Result<R, Failure>,
    {
        let mut transaction = self.context.begin().await?;
        if !jobs::hold(&mut transaction, self.lease).await? {
            return Err(Failure::TakenAway);
        }
        let kept = effect(&mut transaction).await?;
        transaction.commit().await?;
        Ok(kept)
    }

    /// Commits the effect, the result and the end of the job together; nothing of it if the job was taken away.
    pub async fn finish<F, R>(&mut self, effect: F) -> Result<Done, Failure>
    where
        F: AsyncFnOnce(&mut Transaction<'_>) -> Result<R, Failure>,
        R: Serialize,
    {
        let mut transaction = self.context.begin().await?;
        let result = effect(&mut transaction).await?;
        let result = serde_json::to_string(&result)
            .map_err(|error| Failure::Permanent(format!("its result is no JSON: {error}")))?;
        if !jobs::succeed(&mut transaction, self.lease, &result).await? {
            return Err(Failure::TakenAway);
        }
        let is_told = webhooks::ended(&mut transaction, self.lease.id).await?;
        transaction.commit().await?;
        if is_told {
            self.context.app().news.publish(Kind::Webhook);
        }
        Ok(Done(()))
    }
}
