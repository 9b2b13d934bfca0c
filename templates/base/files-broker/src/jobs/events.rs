//! What this service tells others of itself, as events (CloudEvents 1.0, in JSON). One goes into the outbox in the
//! transaction of what it tells of, and is relayed after the commit: at least once, under its id, and for each subject in
//! the order in which it happened. Who receives it twice sees that by its id.

use serde_json::{Value, json};
use uuid::Uuid;

use super::traceparent;
use crate::{app::time, data::outbox::Outgoing};

/// A message that says what has happened to `subject`. `name`, such as `document.created`, is what others subscribe to, so
/// it never changes; `data` is thin: ids and states.
///
/// Of two transactions that change the same row, the second waits for the first. So the order holds where the row is
/// changed before the message is added to the outbox. After the commit, `News::relay` has it sent at once; what a job has
/// committed is relayed when its attempt ends.
pub fn event(name: &str, subject: Uuid, data: &Value) -> Outgoing {
    let id = Uuid::now_v7().to_string();
    let mut body = json!({
        "specversion": "1.0",
        "id": id,
        "source": concat!("/", env!("CARGO_PKG_NAME")),
        "type": name,
        "subject": subject,
        "time": time::rfc3339(time::now()),
        "datacontenttype": "application/json",
        "data": data,
    });
    if let Some(traceparent) = traceparent() {
        body["traceparent"] = traceparent.into();
    }
    Outgoing {
        id,
        topic: format!("events.{name}"),
        body: body.to_string(),
    }
}
