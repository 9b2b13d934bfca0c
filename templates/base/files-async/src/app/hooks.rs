//! Messages from outside, as Standard Webhooks: the sample is a partner who hands in documents. A message is
//! verified before a byte of it is parsed, enqueued under its id, and answered at once; sent again, it is there
//! already.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{
    body::{self, Fields, FromFields, Raw},
    context::Public,
    documents::{self, NewDocument},
};
use crate::{
    edge::problem::Problem,
    jobs::{
        Done, Failure, Kind, LONGEST_PAYLOAD, Order, Work,
        webhooks::signature::{self, ID, SIGNATURE, TIMESTAMP},
    },
};

const LONGEST_ID: usize = 255;
const LONGEST_TENANT: usize = 255;

/// How far the sender's clock and ours may be apart, in seconds: what was recorded cannot be sent later.
const TOLERANCE: u64 = 300;

/// A document is handed in.
const SUBMITTED: &str = "document.submitted";

/// A message, and the payload of its job. Types that nobody here knows are taken and left alone.
#[derive(Debug, Deserialize, ToSchema)]
pub struct InboundMessage {
    #[serde(rename = "type")]
    #[schema(example = "document.submitted")]
    event: String,
    #[schema(example = json!({ "tenant": "home", "title": "Concrete", "body": "Sets in a form." }))]
    data: Value,
}

/// A document and whose it is.
struct Submission {
    tenant: String,
    document: NewDocument,
}

impl FromFields for Submission {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            tenant: fields.text("tenant", 1, LONGEST_TENANT),
            document: NewDocument::from_fields(fields),
        }
    }
}

/// Take a message from the partner
///
/// It is signed as Standard Webhooks has it, with a secret of `APP__WEBHOOKS__INBOUND_SECRET`. A message of type
/// `document.submitted` adds a document.
#[utoipa::path(
    post, path = "/v1/hooks", tag = "webhooks",
    params(
        ("webhook-id" = String, Header, description = "The message's, the same when it is sent again"),
        ("webhook-timestamp" = i64, Header, description = "When it was sent, in seconds since 1970"),
        ("webhook-signature" = String, Header, description = "`v1,` and the HMAC-SHA256 of id, timestamp and body"),
    ),
    request_body = InboundMessage,
    responses(
        (status = 202, description = "It is there, now or already"),
        (status = 400, body = Problem, description = "The body is no message"),
        (status = 401, body = Problem, description = "The signature or the time does not hold"),
        (status = 404, body = Problem, description = "Nobody is expected to send messages"),
        (status = 413, body = Problem),
    ),
    security(()),
)]
pub async fn receive(
    Public(mut context): Public,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<StatusCode, Problem> {
    let secrets = &context.config().webhooks.inbound_secrets;
    if secrets.is_empty() {
        return Err(Problem::not_found());
    }
    if body.len() > LONGEST_PAYLOAD {
        return Err(Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(timestamp), Some(signatures)) =
        (header(&ID), header(&TIMESTAMP), header(&SIGNATURE))
    else {
        return Err(unsigned(
            "webhook-id, webhook-timestamp or webhook-signature is missing",
        ));
    };
    if !signature::verify(secrets, signatures, id, timestamp, &body) || id.len() > LONGEST_ID {
        return Err(unsigned("the signature does not hold"));
    }
    if !is_recent(timestamp) {
        return Err(unsigned("webhook-timestamp is not within 5 minutes of now"));
    }
    let message: Value = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the body is not JSON: {error}")))?;
    InboundMessage::deserialize(&message)
        .map_err(|error| Problem::bad_request(format!("the body is no message: {error}")))?;
    let order = Order::new(Kind::Hook, "", &message);
    let is_new = order.enqueue_once(&mut *context.write().await?, id).await?;
    if is_new {
        context.app().news.publish(Kind::Hook);
    }
    Ok(StatusCode::ACCEPTED)
}

/// The job.
pub async fn run(work: &mut Work, message: InboundMessage) -> Result<Done, Failure> {
    if message.event != SUBMITTED {
        let ignored = json!({ "ignored": message.event });
        return work.finish(async |_| Ok(ignored)).await;
    }
    let Submission { tenant, document } = body::parse(message.data.to_string().as_bytes())?;
    work.finish(async |transaction| {
        let row = documents::add(transaction, &tenant, document).await?;
        Ok(json!({ "document": row.id }))
    })
    .await
}

fn is_recent(timestamp: &str) -> bool {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let sent = timestamp.parse::<i64>();
    sent.is_ok_and(|sent| sent.abs_diff(now) <= TOLERANCE)
}

fn unsigned(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid-signature")
        .detail(detail)
        .challenge("StandardWebhooks".to_owned())
}
