//! The job that sends a mail. A mail cannot be taken back, so it is a job of its own, enqueued in the transaction of
//! what it tells of; the job's id is the key by which the provider knows it again.

use serde_json::json;

use super::{Done, Failure, Work};
use crate::external::email::Mail;

pub(super) async fn run(work: &mut Work, mail: Mail) -> Result<Done, Failure> {
    let key = work.id();
    work.context().external().send_mail(&mail, key).await?;
    work.finish(async |_| Ok(json!(null))).await
}
