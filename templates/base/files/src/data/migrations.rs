//! The schema, as the files of `migrations/`: names are timestamp, part, what. A released file never
//! changes. What is pending is a set, not a maximum: a part that is added later may bring an older number.

use std::collections::HashSet;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use super::{connection::Connection, error::Error};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// A name without a number in front is an error, not a file that is passed over.
pub fn all() -> anyhow::Result<Migrator> {
    let migrations = FILES
        .iter()
        .map(|&(name, sql)| parse(name, sql))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut migrator = Migrator::with_migrations(migrations);
    // A newer release may have run against this database and been rolled back.
    migrator.set_ignore_missing(true);
    Ok(migrator)
}

fn parse(name: &str, sql: &'static str) -> anyhow::Result<Migration> {
    let (number, what) = name.split_once('_').ok_or_else(|| {
        anyhow::anyhow!("migrations/{name}.sql: expected a name like 20260101000000_part_what")
    })?;
    let version = number.parse().map_err(|_| {
        anyhow::anyhow!(
            "migrations/{name}.sql: expected a timestamp in front, such as 20260101000000"
        )
    })?;
    Ok(Migration::new(
        version,
        what.replace('_', " ").into(),
        MigrationType::Simple,
        sql.into_sql_str(),
        false,
    ))
}

/// The names of the migrations that this database has not seen. It only reads, so any connection will do.
pub async fn pending(connection: &mut Connection) -> anyhow::Result<Vec<String>> {
    let applied = sqlx::query_as("SELECT version FROM _sqlx_migrations");
    let applied: Vec<(i64,)> = match connection.all(applied).await {
        // Without the table there is nothing applied.
        Err(Error::Other(_)) => Vec::new(),
        applied => applied?,
    };
    let applied: HashSet<i64> = applied.into_iter().map(|(version,)| version).collect();
    let all = all()?;
    let missing = all
        .iter()
        .filter(|migration| !applied.contains(&migration.version));
    Ok(missing
        .map(|migration| format!("{} {}", migration.version, migration.description))
        .collect())
}
