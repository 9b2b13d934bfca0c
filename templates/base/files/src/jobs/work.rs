//! What a job's handler works with.

use serde::Serialize;

use super::Failure;
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
    percent: u8,
}

/// The job has ended in the transaction of its effect. Only `Work::finish` makes one, so a handler cannot
/// succeed in any other way.
#[derive(Debug)]
pub struct Done(());

impl Work {
    pub(super) fn new(context: Context, lease: Lease) -> Self {
        Self {
            context,
            lease,
            percent: 0,
        }
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
        transaction.commit().await?;
        Ok(Done(()))
    }
}
