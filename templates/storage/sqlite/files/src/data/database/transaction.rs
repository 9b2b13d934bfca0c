//! A transaction in SQLite's own words. After an error (an interrupt, a full disk) SQLite may have rolled
//! back by itself; sqlx, which counts how deep it is, would not know and refuse every transaction after.

use std::ops::{Deref, DerefMut};

use sqlx::{Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};

/// Dropped without a commit, it is rolled back before anybody else gets its connection.
pub(super) struct Transaction {
    /// None once it is over.
    connection: Option<PoolConnection<Sqlite>>,
}

impl Transaction {
    /// Takes the write lock at once.
    pub(super) async fn begin(pool: &SqlitePool) -> sqlx::Result<Self> {
        let connection = Some(pool.acquire().await?);
        let mut transaction = Self { connection };
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }

    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::query("COMMIT").execute(&mut *self).await?;
        self.connection = None;
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection
            .as_ref()
            .unwrap_or_else(|| unreachable!("it is over only once it is gone"))
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection
            .as_mut()
            .unwrap_or_else(|| unreachable!("it is over only once it is gone"))
    }
}

impl Drop for Transaction {
    #[expect(
        clippy::disallowed_methods,
        reason = "a drop cannot wait, and the connection must not go back before"
    )]
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            tokio::spawn(async move {
                // It fails where SQLite has rolled back already, and then there is nothing to do.
                sqlx::query("ROLLBACK").execute(&mut *connection).await.ok();
            });
        }
    }
}
