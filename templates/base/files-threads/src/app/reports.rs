//! The sample of work that escapes its request: a report on all of a tenant's documents.

use axum::response::Response;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    body::{Body, Fields, FromFields},
    context::Context,
    idempotency::{self, Answer, Key},
    jobs::Job,
    webhook_endpoints::{LONGEST_URL, callback},
};
use crate::{
    data::{
        blocking::{
            documents::{self as rows, Text},
            jobs::desk,
            webhooks::callbacks,
        },
        connection::Connection,
    },
    edge::problem::Problem,
    external::email::Mail,
    jobs::{Done, Failure, Kind, Order, Work},
};

const LONGEST_TITLE: usize = 200;

/// Documents that are read at once: few, because each may be large, and counting does not wait for anything.
const PAGE: u32 = 20;

/// A report to be.
#[derive(Debug, ToSchema)]
pub struct NewReport {
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    /// Told of the end of the job, whatever it is: the URL of a webhook endpoint of yours, to which a query may be
    /// added.
    #[schema(min_length = 1, max_length = 2_000, format = "uri")]
    callback_url: Option<String>,
    /// Gets a mail when the report is there.
    #[schema(max_length = 254, format = Email)]
    notify: Option<String>,
}

impl FromFields for NewReport {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            title: fields.text("title", 1, LONGEST_TITLE),
            callback_url: fields.optional_text("callback_url", 1, LONGEST_URL),
            notify: fields.optional_email("notify"),
        }
    }
}

/// What the job is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Payload {
    title: String,
    #[serde(default)]
    notify: Option<String>,
}

/// What the job finds out: its `result`.
#[derive(Debug, Default, Serialize)]
struct Report {
    title: String,
    documents: u64,
    words: u64,
    /// The document with the most words.
    longest: Option<Uuid>,
}

/// Ask for a report
///
/// It is made by a job: `Location` says where to read, watch and cancel it. When it has ended, `callback_url` gets a
/// signed webhook of type `report.finished`, whose `data` has the `job` and its `state`.
#[utoipa::path(
    post, path = "/v1/reports", tag = "reports",
    params(("Idempotency-Key" = String, Header, description = "Makes the request safe to send again for 24 hours")),
    request_body = NewReport,
    responses(
        (status = 202, body = Job, headers(("Location"), ("Retry-After"))),
        (status = 400, body = Problem, description = "The key is missing"),
        (status = 409, body = Problem, description = "A request with this key is still running"),
        (status = 422, body = Problem, description = "Fields do not hold, or the key was used with another request"),
    ),
    security(("bearer" = ["reports:write"])),
    extensions(("x-formwork" = json!({
        "promises": ["P2", "P3", "P5"],
        "example": { "title": "All of it" },
        "variant": { "title": "All of it again" },
    }))),
)]
pub fn create(mut context: Context, key: Key, body: Body<NewReport>) -> Result<Response, Problem> {
    let tenant = context.caller().tenant.clone();
    let NewReport {
        title,
        callback_url,
        notify,
    } = body.value;
    if notify.is_some() && !context.config().email.is_offered() {
        let reason = "cannot be: this service sends no mail";
        return Err(Problem::invalid_field("/notify", reason));
    }
    let payload = Payload { title, notify };
    let key = key.required()?;
    let url = callback_url.map(|url| callback::checked(&context, &url));
    let url = url.transpose()?;
    let answer = idempotency::once(&mut context, key, body.fingerprint, |transaction| {
        let order = Order::new(Kind::Report, &tenant, &payload);
        let id = order.enqueue(transaction)?;
        if let Some(url) = &url {
            let endpoint = callback::endpoint(transaction, &tenant, url)?;
            callbacks::insert(transaction, &tenant, id, endpoint, url.as_str())?;
        }
        let row = desk::find(transaction, &tenant, id)?;
        let row = row.ok_or_else(|| Problem::internal(&"a job that was added is not there"))?;
        Ok(Answer::json(StatusCode::ACCEPTED, &Job::from(row))?
            .header(header::LOCATION, format!("/v1/jobs/{id}"))
            .header(header::RETRY_AFTER, "1"))
    })?;
    context.app().news.publish(Kind::Report);
    Ok(answer)
}

/// The job.
pub fn run(work: &mut Work, payload: Payload) -> Result<Done, Failure> {
    let tenant = work.context().caller().tenant.clone();
    let all = rows::usage(&mut *work.context().read()?, &tenant)?;
    let mut report = Report {
        title: payload.title,
        ..Report::default()
    };
    let (mut after, mut most) = (Uuid::nil(), 0);
    loop {
        let page = rows::texts(&mut *work.context().read()?, &tenant, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for text in &page {
            let words = words(text);
            report.documents += 1;
            report.words += words;
            if words > most {
                (most, report.longest) = (words, Some(text.id));
            }
        }
        work.progress(percent(report.documents, all.documents))?;
    }
    let mail = payload.notify.map(|to| mail(to, work.id()));
    let done = work.finish(|transaction| {
        enqueue(transaction, &tenant, mail.as_ref())?;
        Ok(report)
    })?;
    work.context().app().news.publish(Kind::Email);
    Ok(done)
}

fn enqueue(connection: &mut Connection, tenant: &str, mail: Option<&Mail>) -> Result<(), Problem> {
    if let Some(mail) = mail {
        let order = Order::new(Kind::Email, tenant, mail);
        order.enqueue(connection)?;
    }
    Ok(())
}

/// Nothing of what a caller wrote is in it: whoever gets it did not ask for that.
fn mail(to: String, job: Uuid) -> Mail {
    Mail {
        to,
        subject: "Your report is there".to_owned(),
        text: format!("The report that you were to be told of is there: /v1/jobs/{job}\n"),
    }
}

fn words(text: &Text) -> u64 {
    let words = text.title.split_whitespace().count() + text.body.split_whitespace().count();
    words as u64
}

/// Documents may come and go meanwhile.
fn percent(done: u64, all: i64) -> u8 {
    let all = u64::try_from(all).unwrap_or_default().max(done).max(1);
    u8::try_from(done * 100 / all).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_stays_within_a_hundred() {
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(1, 3), 33);
        assert_eq!(percent(3, 3), 100);
        assert_eq!(percent(9, 3), 100);
    }
}
