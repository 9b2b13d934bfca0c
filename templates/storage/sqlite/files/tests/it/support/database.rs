//! The database as tests set it, and what other processes do to it.

use std::{path::Path, time::Duration};

use service::{
    config::Config,
    data::{connection::Connection, database::Database, meter::Meter},
    edge::deadline::Deadline,
};

/// No more connections than must be; there is one that writes in any case.
pub(crate) const FEW_CONNECTIONS: &[(&str, &str)] = &[("APP__DATABASE__READ_CONNECTIONS", "1")];

/// With these a process works on the folder and on the database that belongs to it: its file is there.
pub(crate) fn settings(folder: &Path) -> Vec<(&'static str, String)> {
    let folder = folder.to_str().expect("UTF-8").to_owned();
    vec![
        ("APP__DATA__DIRECTORY", folder),
        // Tests kill processes, not machines: no commit of theirs waits for the disk.
        ("APP__DATABASE__SYNCHRONOUS", "normal".to_owned()),
        // A machine that is busy with other tests is none that has failed: who tests a limit sets it.
        ("APP__DATABASE__ACQUIRE_TIMEOUT", "19s".to_owned()),
        ("APP__DATABASE__LOCK_TIMEOUT", "19s".to_owned()),
        ("APP__DATABASE__STATEMENT_TIMEOUT", "19s".to_owned()),
    ]
}

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

/// Writes down each end of a job in a table of its own, once for each time that it happens.
pub(crate) async fn log_ends_of_jobs(connection: &mut Connection) {
    let statements = [
        "CREATE TABLE ends_of_jobs (tenant TEXT NOT NULL, job BLOB NOT NULL)",
        "CREATE TRIGGER log_ends_of_jobs AFTER UPDATE OF state ON jobs
         WHEN NEW.finished_at IS NOT NULL
         BEGIN INSERT INTO ends_of_jobs VALUES (NEW.tenant, NEW.id); END",
    ];
    for statement in statements {
        let made = connection.execute(sqlx::query(statement)).await;
        made.expect("a change");
    }
}

/// From now on no jobs are added but those of this kind, so that nothing else is at work.
pub(crate) async fn only_jobs_of(connection: &mut Connection, kind: &str) {
    let statements = [
        "CREATE TABLE wanted_jobs (kind TEXT NOT NULL)",
        "CREATE TRIGGER only_wanted_jobs BEFORE INSERT ON jobs
         WHEN NEW.kind NOT IN (SELECT kind FROM wanted_jobs)
         BEGIN SELECT RAISE(IGNORE); END",
    ];
    for statement in statements {
        let made = connection.execute(sqlx::query(statement)).await;
        made.expect("a change");
    }
    let wanted = sqlx::query("INSERT INTO wanted_jobs VALUES ($1)").bind(kind);
    connection.execute(wanted).await.expect("a change");
}
