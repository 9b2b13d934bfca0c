//! The ways of a service to its database: what happens to one happens to both.

use std::path::Path;

use crate::support::{database, proxy::Proxy, servers::POSTGRES};

pub(super) struct Ways {
    /// Of all that needs no session: to the pooler, if all tests go through one.
    near: Proxy,
    /// Past it.
    direct: Proxy,
}

impl Ways {
    pub(super) async fn open() -> Self {
        Self {
            near: Proxy::to(database::address(&database::near())).await,
            direct: Proxy::to(database::address(POSTGRES.url())).await,
        }
    }

    /// The folder's database by each of them.
    pub(super) fn urls(&self, folder: &Path) -> [String; 2] {
        [
            database::by(self.near.address(), &database::near(), folder),
            database::by(self.direct.address(), POSTGRES.url(), folder),
        ]
    }

    pub(super) fn are_taken(&self) -> bool {
        self.near.connections() > 0
    }

    pub(super) async fn cut(&self) {
        self.near.cut().await;
        self.direct.cut().await;
    }

    pub(super) fn mend(&self) {
        self.near.mend();
        self.direct.mend();
    }

    pub(super) fn fall_silent(&self) {
        self.near.fall_silent();
        self.direct.fall_silent();
    }

    pub(super) fn fail_over(&self) {
        self.near.fail_over();
        self.direct.fail_over();
    }
}
