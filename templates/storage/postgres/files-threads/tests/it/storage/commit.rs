//! A commit says so when there is nothing to commit.

use service::{app::context::Context, data::error::Error, edge::deadline::Deadline};
use tokio::task::block_in_place;
use uuid::Uuid;

use super::{PATIENCE, execute};
use crate::support::Server;

/// PostgreSQL would roll it back and call that a success.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_with_a_statement_that_failed_cannot_be_committed() {
    let server = Server::start().await;
    let deadline = Deadline::after(PATIENCE);
    let mut context = Context::of_job(&server.app, "a", Uuid::now_v7(), deadline);
    let mut transaction = block_in_place(|| context.begin()).expect("a transaction");
    let broken = execute(&mut transaction, "SELECT 1 / 0").await;
    assert!(matches!(broken, Err(Error::Other(_))), "{broken:?}");
    let committed = block_in_place(|| transaction.commit());
    assert!(committed.is_err());
}
