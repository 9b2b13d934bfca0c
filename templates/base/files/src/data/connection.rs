//! A connection on loan to one request: each statement on it is counted and bounded by the request's
//! deadline.

use std::{
    future::Future,
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use sqlx::{
    FromRow,
    query::{Query, QueryAs, QueryScalar},
};
use tokio::time::timeout_at;

use super::{
    database::{self, Driver, Loan, Row},
    error::Error,
};
use crate::{data::meter::Meter, edge::deadline::Deadline};

type Arguments = <Driver as sqlx::Database>::Arguments;

pub struct Connection {
    loan: Loan,
    deadline: Deadline,
    statement_timeout: Duration,
    meter: Meter,
}

impl Connection {
    pub(super) fn new(loan: Loan, bounds: Bounds) -> Self {
        let Bounds {
            deadline,
            statement_timeout,
            meter,
        } = bounds;
        Self {
            loan,
            deadline,
            statement_timeout,
            meter,
        }
    }

    pub async fn execute(&mut self, query: Query<'_, Driver, Arguments>) -> Result<u64, Error> {
        let end = self.start().await?;
        let query = query.persistent(self.loan.keeps_statements());
        let answer = bounded(end, query.execute(self.loan.raw())).await;
        self.finish(end, answer)
            .await
            .map(|done| done.rows_affected())
    }

    pub async fn optional<T>(
        &mut self,
        query: QueryAs<'_, Driver, T, Arguments>,
    ) -> Result<Option<T>, Error>
    where
        T: for<'r> FromRow<'r, Row> + Send + Unpin,
    {
        let end = self.start().await?;
        let query = query.persistent(self.loan.keeps_statements());
        let answer = bounded(end, query.fetch_optional(self.loan.raw())).await;
        self.finish(end, answer).await
    }

    pub async fn one<T>(&mut self, query: QueryAs<'_, Driver, T, Arguments>) -> Result<T, Error>
    where
        T: for<'r> FromRow<'r, Row> + Send + Unpin,
    {
        let end = self.start().await?;
        let query = query.persistent(self.loan.keeps_statements());
        let answer = bounded(end, query.fetch_one(self.loan.raw())).await;
        self.finish(end, answer).await
    }

    pub async fn all<T>(
        &mut self,
        query: QueryAs<'_, Driver, T, Arguments>,
    ) -> Result<Vec<T>, Error>
    where
        T: for<'r> FromRow<'r, Row> + Send + Unpin,
    {
        let end = self.start().await?;
        let query = query.persistent(self.loan.keeps_statements());
        let answer = bounded(end, query.fetch_all(self.loan.raw())).await;
        self.finish(end, answer).await
    }

    pub async fn scalar<T>(
        &mut self,
        query: QueryScalar<'_, Driver, T, Arguments>,
    ) -> Result<T, Error>
    where
        (T,): for<'r> FromRow<'r, Row>,
        T: Send + Unpin,
    {
        let end = self.start().await?;
        let query = query.persistent(self.loan.keeps_statements());
        let answer = bounded(end, query.fetch_one(self.loan.raw())).await;
        self.finish(end, answer).await
    }

    /// Counts a statement and arms its end in the database; refuses to start one that is already late.
    async fn start(&mut self) -> Result<Instant, Error> {
        if self.deadline.has_passed() {
            return Err(Error::Deadline);
        }
        let end = self.deadline.within(self.statement_timeout).instant();
        bounded(end, self.loan.arm(end)).await?;
        self.meter.count_statement();
        Ok(end)
    }

    async fn finish<T>(&mut self, end: Instant, answer: Result<T, Error>) -> Result<T, Error> {
        let answer = answer?;
        bounded(end, self.loan.disarm()).await?;
        Ok(answer)
    }

    /// Ends what `Database::begin` began.
    pub async fn commit(mut self) -> Result<(), Error> {
        let end = self.start().await?;
        bounded(end, self.loan.commit()).await
    }
}

/// The statement stops itself at its end; the wait for it ends then too, should the database not answer.
async fn bounded<T>(
    end: Instant,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, Error> {
    match timeout_at(end.into(), answer).await {
        Ok(answer) => answer.map_err(database::classify),
        Err(_) => Err(Error::Deadline),
    }
}

/// What bounds the statements of one loan.
#[derive(Clone)]
pub struct Bounds {
    pub deadline: Deadline,
    pub statement_timeout: Duration,
    pub meter: Meter,
}

/// A connection that a request holds. It borrows the request's context, and through it everything that
/// leads to somebody else's service.
pub struct Held<'context> {
    connection: Option<Connection>,
    // Borrowed until the drop, so that it counts as long as the connection is held, used or not.
    meter: &'context mut Meter,
}

impl<'context> Held<'context> {
    pub(crate) fn new(connection: Connection, meter: &'context mut Meter) -> Self {
        meter.begin_hold();
        Self {
            connection: Some(connection),
            meter,
        }
    }
}

impl Deref for Held<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .unwrap_or_else(|| unreachable!("taken only by the drop or the commit"))
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .unwrap_or_else(|| unreachable!("taken only by the drop or the commit"))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.meter.end_hold();
    }
}

/// Work that takes effect whole or not at all; dropped without a commit, it is rolled back.
pub struct Transaction<'context>(Held<'context>);

impl<'context> Transaction<'context> {
    pub(crate) fn new(connection: Connection, meter: &'context mut Meter) -> Self {
        Self(Held::new(connection, meter))
    }

    pub async fn commit(mut self) -> Result<(), Error> {
        match self.0.connection.take() {
            Some(connection) => connection.commit().await,
            None => Ok(()),
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}
