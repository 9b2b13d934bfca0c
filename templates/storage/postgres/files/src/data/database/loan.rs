//! A connection on loan, and how it goes back: nobody gets it before what ran on it has ended.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgConnection, Postgres, pool::PoolConnection};
use tokio::time::timeout;

use super::{
    session::{self, Session, Use},
    trust::Trust,
};

/// How much longer than its bound in the database a statement may seem to run. Beyond that the network is gone, and the
/// connection with it.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    /// Each statement commits.
    Write,
    /// All commit together.
    Transaction,
}

pub(in crate::data) struct Loan {
    /// None once it is given back.
    connection: Option<PoolConnection<Postgres>>,
    kind: Kind,
    session: Session,
    trust: Trust,
    /// When the database stops a statement of the transaction that is open; none where none is.
    bound: Option<Duration>,
    /// A statement was begun and not answered.
    is_waiting: bool,
    /// A statement of the transaction has failed.
    has_failed: bool,
}

impl Loan {
    pub(super) fn new(
        connection: PoolConnection<Postgres>,
        kind: Kind,
        session: Session,
        trust: Trust,
    ) -> Self {
        Self {
            connection: Some(connection),
            kind,
            session,
            trust,
            bound: None,
            is_waiting: false,
            has_failed: false,
        }
    }

    pub(in crate::data) fn raw(&mut self) -> &mut PgConnection {
        self.connection
            .as_mut()
            .unwrap_or_else(|| unreachable!("taken only by the drop"))
    }

    /// Whether a statement that was prepared can be used again: not where it would be looked for in another session.
    pub(in crate::data) fn keeps_statements(&self) -> bool {
        !self.session.is_pooled()
    }

    /// A statement begins, and is to stop at `end`.
    pub(in crate::data) async fn arm(&mut self, end: Instant) -> sqlx::Result<()> {
        self.has_failed |= self.is_waiting;
        let left = end.saturating_duration_since(Instant::now());
        match self.bound {
            None if !self.session.is_bounded(left) => self.open(left).await?,
            Some(bound) if !session::is_soon_enough(bound, left) => {
                self.run(session::tighten(left)).await?;
                self.bound = Some(left);
            }
            None | Some(_) => {}
        }
        self.is_waiting = true;
        Ok(())
    }

    /// It was answered.
    pub(in crate::data) async fn disarm(&mut self) -> sqlx::Result<()> {
        self.is_waiting = false;
        if self.kind == Kind::Write && self.bound.is_some() {
            self.end().await?;
        }
        Ok(())
    }

    pub(in crate::data) async fn commit(mut self) -> sqlx::Result<()> {
        // The database would roll back and call that a success.
        if self.has_failed {
            let why = "a statement has failed, so its transaction cannot be committed";
            return Err(sqlx::Error::Protocol(why.to_owned()));
        }
        if self.bound.is_some() {
            self.end().await?;
        }
        self.is_waiting = false;
        Ok(())
    }

    /// Begins a transaction whose statements are stopped after `bound`.
    pub(super) async fn open(&mut self, bound: Duration) -> sqlx::Result<()> {
        let used = match self.kind {
            Kind::Read => Use::Read,
            Kind::Write | Kind::Transaction => Use::Write,
        };
        let begin = self.session.begin(used, bound);
        self.bound = Some(bound.min(self.session.statement_timeout()));
        self.run(begin).await
    }

    async fn end(&mut self) -> sqlx::Result<()> {
        self.is_waiting = true;
        self.run("COMMIT".to_owned()).await?;
        self.is_waiting = false;
        self.bound = None;
        Ok(())
    }

    /// In the simple protocol, which takes several statements at once and prepares none.
    async fn run(&mut self, statements: String) -> sqlx::Result<()> {
        #[expect(
            clippy::disallowed_methods,
            reason = "made of literals and numbers of this module: SET takes no parameters"
        )]
        let statements = AssertSqlSafe(statements);
        sqlx::raw_sql(statements)
            .execute(self.raw())
            .await
            .map(drop)
    }
}

impl Drop for Loan {
    #[expect(
        clippy::disallowed_methods,
        reason = "a drop cannot wait, and the connection must not go back before"
    )]
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let longest = self.bound.unwrap_or(self.session.statement_timeout());
            let left = match self.bound {
                Some(_) => Some(Left::Transaction),
                None => self.is_waiting.then_some(Left::Statement),
            };
            let left = left.map(|left| (left, longest));
            tokio::spawn(give_back(connection, left, self.trust.clone()));
        }
    }
}

/// What a connection has still to do that comes back.
#[derive(Clone, Copy, Debug)]
enum Left {
    /// Nobody has heard its answer.
    Statement,
    /// Nobody has committed it.
    Transaction,
}

/// Ends what is left, after whatever still runs for at most so long.
async fn give_back(
    mut connection: PoolConnection<Postgres>,
    left: Option<(Left, Duration)>,
    trust: Trust,
) {
    if let Some((left, longest)) = left {
        let ended = timeout(longest + PATIENCE, end(&mut connection, left)).await;
        if !matches!(ended, Ok(Ok(()))) {
            // Closed without a word: the other end does not listen.
            drop(connection.detach());
            return trust.shake();
        }
    }
    // The pool asks the other end once more, and would wait for its answer for ever.
    if timeout(PATIENCE, connection.return_to_pool())
        .await
        .is_err()
    {
        trust.shake();
    }
}

/// What is heard first is the answer of the statement before: that it was stopped, if it was.
async fn end(connection: &mut PgConnection, left: Left) -> sqlx::Result<()> {
    let end = match left {
        Left::Statement => "SELECT 1",
        Left::Transaction => "ROLLBACK",
    };
    let mut ended = sqlx::raw_sql(end).execute(&mut *connection).await;
    if let Err(sqlx::Error::Database(_)) = ended {
        ended = sqlx::raw_sql(end).execute(connection).await;
    }
    ended.map(drop)
}
