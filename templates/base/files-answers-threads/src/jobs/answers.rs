//! Durable answers: each is made to its end, whoever listens. What it makes is written down
//! in the database and read from there, by readers of any instance. So what a reader has seen is never lost; and
//! should this process die, the lease on the answer's row ends, and whoever reads it next says so.

mod journal;
mod recorder;

use uuid::Uuid;

pub use self::journal::{Journal, News};
use self::{journal::Held, recorder::Recorder};
use crate::{
    app::{
        answers::{Answer, Question, durable, make},
        context::Context,
        idempotency::Claimed,
    },
    data::blocking::answers as rows,
    edge::{
        deadline::Deadline,
        detached,
        events::{Events, Source},
        problem::Problem,
    },
};

/// Begins an answer for whoever holds the key. Until its first token is there nothing of it is written down, and a
/// failure gives the key back; from then on it is made to its end.
pub fn begin(context: &Context, claimed: Claimed, question: Question) -> Result<Uuid, Problem> {
    let app = context.app().clone();
    // After that the key is somebody else's.
    let deadline = Deadline::after(app.config.idempotency.lease);
    let (own, producers) = (context.detached(deadline), context.detached(deadline));
    // Whether the client waits for the first token makes no difference already.
    let begun = detached::done(&app.lifecycle, || open(own, producers, claimed, question));
    begun.unwrap_or_else(|| Err(Problem::internal(&"what begins an answer broke off")))
}

fn open(
    mut own: Context,
    producers: Context,
    claimed: Claimed,
    question: Question,
) -> Result<Uuid, Problem> {
    let source = Source::new(|events| produce(producers, question, events));
    match first_token(&mut own, &claimed, source) {
        Ok((held, source)) => {
            let id = held.lease().id;
            Recorder::start(own.app(), held, source);
            Ok(id)
        }
        Err(problem) => Err(claimed.refuse(&mut own, problem)),
    }
}

fn produce(mut context: Context, question: Question, events: Events) -> Result<Answer, Problem> {
    let made = make(&mut context, &question, &events);
    made.map_err(|problem| problem.instance(context.request_id()))
}

/// Once it is there, the answer's row and the key's end commit together.
fn first_token(
    context: &mut Context,
    claimed: &Claimed,
    source: Source<Answer>,
) -> Result<(Held, Source<Answer>), Problem> {
    let source = source.begun()?;
    let held = context.app().journal.hold();
    let lease = held.lease();
    let tenant = context.caller().tenant.clone();
    let length = context.config().answers.lease;
    let mut transaction = context.begin()?;
    rows::insert(&mut transaction, &tenant, lease, length)?;
    let answer = durable::created(lease.id)?;
    claimed.complete(&mut transaction, &answer)?;
    transaction.commit()?;
    Ok((held, source))
}
