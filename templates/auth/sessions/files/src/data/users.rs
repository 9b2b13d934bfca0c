//! Who may log in. Times are milliseconds since 1970, by the database's clock.

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{connection::Connection, database::Row, dialect::now_ms, error::Error};
use crate::config::Secret;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: Uuid,
    /// In small letters.
    pub name: String,
    pub tenant: String,
    /// Separated by spaces.
    pub scopes: String,
    /// The hash.
    pub password: Secret,
    /// Another one after each change of what a session may have been begun with.
    pub version: i64,
    pub disabled_at: Option<i64>,
    pub created_at: i64,
}

impl FromRow<'_, Row> for User {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            tenant: row.try_get("tenant")?,
            scopes: row.try_get("scopes")?,
            password: Secret::new(row.try_get("password")?),
            version: row.try_get("version")?,
            disabled_at: row.try_get("disabled_at")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// A user to be.
#[derive(Clone, Debug)]
pub struct NewUser<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub tenant: &'a str,
    pub scopes: &'a str,
    /// The hash.
    pub password: &'a Secret,
}

/// A `User`, up to the condition.
macro_rules! select {
    () => {
        "SELECT id, name, tenant, scopes, password, version, disabled_at, created_at FROM users"
    };
}

/// Adds the user; false where there is one with this name.
pub async fn insert(connection: &mut Connection, user: &NewUser<'_>) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "INSERT INTO users (id, name, tenant, scopes, password, version, created_at)
         VALUES ($1, $2, $3, $4, $5, 1, ",
        now_ms!(),
        ") ON CONFLICT DO NOTHING"
    ))
    .bind(user.id)
    .bind(user.name)
    .bind(user.tenant)
    .bind(user.scopes)
    .bind(user.password.expose());
    Ok(connection.execute(statement).await? == 1)
}

pub async fn find(connection: &mut Connection, id: Uuid) -> Result<Option<User>, Error> {
    let statement = sqlx::query_as(concat!(select!(), " WHERE id = $1")).bind(id);
    connection.optional(statement).await
}

pub async fn find_by_name(connection: &mut Connection, name: &str) -> Result<Option<User>, Error> {
    let statement = sqlx::query_as(concat!(select!(), " WHERE name = $1")).bind(name);
    connection.optional(statement).await
}

/// Up to `limit` users after the one that is called `after`, by name.
pub async fn page(
    connection: &mut Connection,
    after: &str,
    limit: u32,
) -> Result<Vec<User>, Error> {
    let statement = sqlx::query_as(concat!(
        select!(),
        " WHERE name > $1 ORDER BY name LIMIT $2"
    ))
    .bind(after)
    .bind(i64::from(limit));
    connection.all(statement).await
}

/// False where there is no such user, or another change came between.
pub async fn set_password(
    connection: &mut Connection,
    user: &User,
    password: &Secret,
) -> Result<bool, Error> {
    let statement = sqlx::query(
        "UPDATE users SET password = $1, version = version + 1 WHERE id = $2 AND version = $3",
    )
    .bind(password.expose())
    .bind(user.id)
    .bind(user.version);
    Ok(connection.execute(statement).await? == 1)
}

/// As `set_password`.
pub async fn set_scopes(
    connection: &mut Connection,
    user: &User,
    scopes: &str,
) -> Result<bool, Error> {
    let statement = sqlx::query(
        "UPDATE users SET scopes = $1, version = version + 1 WHERE id = $2 AND version = $3",
    )
    .bind(scopes)
    .bind(user.id)
    .bind(user.version);
    Ok(connection.execute(statement).await? == 1)
}

/// As `set_password`. Who is disabled already stays so.
pub async fn disable(connection: &mut Connection, user: &User) -> Result<bool, Error> {
    let statement = sqlx::query(concat!(
        "UPDATE users SET disabled_at = COALESCE(disabled_at, ",
        now_ms!(),
        "), version = version + 1 WHERE id = $1 AND version = $2"
    ))
    .bind(user.id)
    .bind(user.version);
    Ok(connection.execute(statement).await? == 1)
}

/// As `set_password`.
pub async fn enable(connection: &mut Connection, user: &User) -> Result<bool, Error> {
    let statement = sqlx::query(
        "UPDATE users SET disabled_at = NULL, version = version + 1 WHERE id = $1 AND version = $2",
    )
    .bind(user.id)
    .bind(user.version);
    Ok(connection.execute(statement).await? == 1)
}
