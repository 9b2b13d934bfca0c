//! What other processes do to the database.

use std::time::Duration;

use service::{
    config::Config,
    data::{connection::Connection, database::Database, meter::Meter},
    edge::deadline::Deadline,
};

/// Somebody who holds up this service's writes.
pub(crate) struct Blocker {
    _database: Database,
    transaction: Connection,
}

impl Blocker {
    /// Takes SQLite's write lock, as any process may that opens the file, and keeps it.
    pub(crate) async fn of_writes(config: &Config) -> Self {
        let database = Database::open(&config.database, &config.data.directory).await;
        let database = database.expect("the file");
        let deadline = Deadline::after(Duration::from_secs(60));
        let transaction = database.begin(deadline, &Meter::default()).await;
        Self {
            _database: database,
            transaction: transaction.expect("the lock"),
        }
    }

    pub(crate) async fn release(self) {
        drop(self.transaction);
    }
}
