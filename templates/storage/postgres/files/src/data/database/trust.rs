//! Which connections are lent without a look at whether the other end is still there.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sqlx::{Connection as _, PgConnection};

use crate::lock::LockAnyway as _;

/// After this long without use, the other end may be gone.
const LONGEST: Duration = Duration::from_secs(1);

/// Clones share it, so all pools learn of what befell one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    broke: Arc<Mutex<Option<Instant>>>,
}

impl Trust {
    /// A connection has broken: those that were idle then may have broken with it.
    pub(super) fn shake(&self) {
        *self.broke.lock_anyway() = Some(Instant::now());
    }

    /// Fails if the connection, which was idle for this long, is found broken.
    pub(super) async fn test(
        &self,
        connection: &mut PgConnection,
        idle: Duration,
    ) -> sqlx::Result<()> {
        if self.covers(idle) {
            return Ok(());
        }
        connection.ping().await.inspect_err(|_| self.shake())
    }

    fn covers(&self, idle: Duration) -> bool {
        let broke = *self.broke.lock_anyway();
        idle <= LONGEST && broke.is_none_or(|broke| broke.elapsed() > idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_idle_when_a_connection_broke_is_looked_at() {
        let (trust, short) = (Trust::default(), LONGEST / 2);
        assert!(trust.covers(short));
        trust.clone().shake();
        assert!(!trust.covers(short), "it was idle then");
        assert!(trust.covers(Duration::ZERO), "it was used since");
        assert!(!Trust::default().covers(LONGEST * 2), "too long ago");
    }
}
