//! Answers without a key: they live as long as their client listens, and nothing of them is kept.

use axum::{
    Json,
    response::{IntoResponse, Response},
};

use super::{Question, make};
use crate::{
    app::context::Context,
    edge::{
        events::{Events, Source},
        problem::Problem,
    },
};

/// All of it as JSON, within the request's deadline.
pub(super) fn whole(mut context: Context, question: Question) -> Result<Response, Problem> {
    let answer = make(&mut context, &question, &Events::unheard())?;
    Ok(Json(answer).into_response())
}

/// Event by event, from the first token on.
pub(super) fn streamed(context: Context, question: Question) -> Result<Response, Problem> {
    let app = context.app().clone();
    let source = Source::new(|events| tell(context, question, events));
    let source = source.begun()?;
    Ok(source.response(&app, app.config.answers.drain_timeout))
}

fn tell(mut context: Context, question: Question, events: Events) -> Result<(), Problem> {
    let made = make(&mut context, &question, &events);
    let answer = made.map_err(|problem| problem.instance(context.request_id()))?;
    for event in answer.end() {
        events.send(event);
    }
    Ok(())
}
