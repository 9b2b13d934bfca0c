//! A user of Redis who is not allowed all that the service asks of it.

use std::net::SocketAddr;

use crate::support::redis::{address, connect};

/// A user of the server who may read keys with a prefix and is refused all else.
pub(crate) struct Reader(String);

impl Reader {
    pub(crate) async fn of(prefix: &str) -> Self {
        let mut make = redis::cmd("ACL");
        make.arg("SETUSER").arg(prefix).arg("on").arg(">secret");
        make.arg(format!("~{prefix}:*"));
        make.arg("+@connection").arg("+getrange");
        let made = make.query_async::<()>(&mut connect().await).await;
        made.expect("a user");
        Self(prefix.to_owned())
    }

    /// The server, as this user reaches it.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}:secret@{}/0", self.0, address())
    }

    /// The same there.
    pub(crate) fn url_at(&self, way: SocketAddr) -> String {
        format!("redis://{}:secret@{way}/0", self.0)
    }

    pub(crate) async fn remove(self) {
        let mut remove = redis::cmd("ACL");
        remove.arg("DELUSER").arg(self.0);
        let removed = remove.query_async::<()>(&mut connect().await).await;
        removed.expect("a change");
    }
}
