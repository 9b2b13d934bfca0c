//! Answers that nobody waits for: a job makes them, and is tried again where the model fails.

use axum::response::Response;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::{Question, make};
use crate::{
    app::{
        context::Context,
        idempotency::{self, Key},
        jobs::Job,
    },
    data::blocking::{idempotency::Fingerprint, jobs::desk},
    edge::{events::Events, problem::Problem},
    jobs::{Done, Failure, Kind, Order, Work},
};

/// What the job is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Payload {
    question: Question,
    /// Who asked.
    subject: String,
}

pub fn create(
    mut context: Context,
    key: Key,
    fingerprint: Fingerprint,
    question: Question,
) -> Result<Response, Problem> {
    let key = key.required()?;
    let caller = context.caller().clone();
    let payload = Payload {
        question,
        subject: caller.subject,
    };
    let answer = idempotency::once(&mut context, key, fingerprint, |transaction| {
        let order = Order::new(Kind::Answer, &caller.tenant, &payload);
        let id = order.enqueue(transaction)?;
        let row = desk::find(transaction, &caller.tenant, id)?;
        let row = row.ok_or_else(|| Problem::internal(&"a job that was added is not there"))?;
        let answer = idempotency::Answer::json(StatusCode::ACCEPTED, &Job::from(row))?;
        Ok(answer
            .header(header::LOCATION, format!("/v1/jobs/{id}"))
            .header(header::RETRY_AFTER, "1"))
    })?;
    context.app().news.publish(Kind::Answer);
    Ok(answer)
}

/// The job.
pub fn run(work: &mut Work, payload: Payload) -> Result<Done, Failure> {
    let context = work.context();
    context.act_for(payload.subject);
    let answer = make(context, &payload.question, &Events::unheard())?;
    work.finish(|_| Ok(answer))
}
