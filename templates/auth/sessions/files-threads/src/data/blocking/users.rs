//! `data/users`, for a thread that waits.

use uuid::Uuid;

pub use crate::data::users::*;
use crate::{
    config::Secret,
    data::{connection::Connection, error::Error, users as rows},
    threads::wait,
};

pub fn find(connection: &mut Connection, id: Uuid) -> Result<Option<User>, Error> {
    wait(rows::find(connection, id))
}

pub fn find_by_name(connection: &mut Connection, name: &str) -> Result<Option<User>, Error> {
    wait(rows::find_by_name(connection, name))
}

/// False where there is no such user, or another change came between.
pub fn set_password(
    connection: &mut Connection,
    user: &User,
    password: &Secret,
) -> Result<bool, Error> {
    wait(rows::set_password(connection, user, password))
}
