//! A commit says so when there is nothing to commit.

use service::{app::context::Context, data::error::Error, edge::deadline::Deadline};
use uuid::Uuid;

use super::{PATIENCE, execute};
use crate::support::Server;

/// PostgreSQL would roll it back and call that a success.
#[tokio::test]
async fn a_transaction_with_a_statement_that_failed_cannot_be_committed() {
    let server = Server::start().await;
    let deadline = Deadline::after(PATIENCE);
    let mut context = Context::of_job(&server.app, "a", Uuid::now_v7(), deadline);
    let mut transaction = context.begin().await.expect("a transaction");
    let broken = execute(&mut transaction, "SELECT 1 / 0").await;
    assert!(matches!(broken, Err(Error::Other(_))), "{broken:?}");
    let committed = transaction.commit().await;
    assert!(committed.is_err());
}
