//! A transaction, for a thread that waits.

use std::ops::{Deref, DerefMut};

use crate::{
    data::{
        connection::{self, Connection},
        error::Error,
        meter::Meter,
    },
    threads::wait,
};

/// Work that takes effect whole or not at all; dropped without a commit, it is rolled back.
pub struct Transaction<'context>(connection::Transaction<'context>);

impl<'context> Transaction<'context> {
    pub(crate) fn new(connection: Connection, meter: &'context mut Meter) -> Self {
        Self(connection::Transaction::new(connection, meter))
    }

    pub fn commit(self) -> Result<(), Error> {
        wait(self.0.commit())
    }
}

impl<'context> Deref for Transaction<'context> {
    type Target = connection::Transaction<'context>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
