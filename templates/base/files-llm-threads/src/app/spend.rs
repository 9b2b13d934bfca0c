//! What a caller spends on models, and how much it still may. The most that a call can cost is reserved before the
//! model is asked, and what it did cost is settled after, however it ended.

mod read;

use std::time::Duration;

use http::StatusCode;
use tracing::warn;

pub use self::read::{__path_get, get};
use super::context::Context;
use crate::{
    data::{
        blocking::spend::{self as rows, Claim, Reservation, Reserved, Settlement},
        error::Error,
    },
    edge::{deadline::Deadline, detached, problem::Problem},
    external::llm::{
        self, Completion, Embeddings, Prompt, Usage,
        prices::{NanoUsd, Prices},
    },
    telemetry::{gen_ai::Operation, spend as telemetry},
};

/// How long a reservation outlives the call that it is for, at most.
const MARGIN: Duration = Duration::from_secs(60);

/// How long it may take to settle what nobody waits for any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the provider wraps around a prompt, in tokens.
const WRAPPING: u64 = 64;

/// What a request has reserved, until it is settled or released. Dropped before that, because the client left, time was
/// up or nobody wants to wait, it settles by itself what is known to be spent.
pub struct Spending {
    /// Its own, for answers outlive the deadlines of their requests.
    context: Context,
    /// None once it is settled or released.
    reservation: Option<Reservation>,
    bill: Bill,
}

/// What is to be paid as far as it is known.
#[derive(Clone)]
struct Bill {
    route: &'static str,
    operation: Operation,
    model: String,
    usage: Usage,
}

impl Bill {
    fn cost(&self, prices: &Prices) -> NanoUsd {
        prices.cost(&self.model, self.usage)
    }
}

/// Reserves the most that an answer to `prompt` can cost, whichever model gives it; refuses when the caller's day
/// has no room for that.
pub fn reserve(
    context: &mut Context,
    route: &'static str,
    prompt: &Prompt,
) -> Result<Spending, Problem> {
    let models = context.external().models().to_vec();
    let llm = &context.config().llm;
    let most = most(&llm.prices, &models, prompt);
    let longest = llm.total_timeout;
    let bill = Bill {
        route,
        operation: Operation::Chat,
        model: models.into_iter().next().unwrap_or_default(),
        usage: Usage::of(prompt),
    };
    set_aside(context, bill, most, longest)
}

/// The same for the embedding of `text`.
pub fn reserve_embedding(
    context: &mut Context,
    route: &'static str,
    text: &str,
) -> Result<Spending, Problem> {
    let config = context.config();
    let model = config.embeddings.model.clone();
    let usage = Usage {
        input_tokens: bytes(text),
        ..Usage::default()
    };
    let most = config.llm.prices.cost(&model, usage);
    let bill = Bill {
        route,
        operation: Operation::Embeddings,
        model,
        usage: Usage::of_text(text),
    };
    set_aside(context, bill, most, Duration::ZERO)
}

/// Reserves `most` for a call that goes on for up to `longest` after the request's deadline.
fn set_aside(
    context: &mut Context,
    bill: Bill,
    most: NanoUsd,
    longest: Duration,
) -> Result<Spending, Problem> {
    let caller = context.caller().clone();
    let claim = Claim {
        tenant: &caller.tenant,
        subject: &caller.subject,
        route: bill.route,
        amount: row(most),
        limit: context.config().spend.limit_per_day.map(row),
        lifetime: context.deadline().remaining() + longest + MARGIN,
    };
    let mut transaction = context.begin()?;
    let reserved = rows::reserve(&mut transaction, &claim)?;
    transaction.commit()?;
    match reserved {
        Reserved::Granted(reservation) => Ok(Spending {
            context: context.detached(context.deadline()),
            reservation: Some(reservation),
            bill,
        }),
        Reserved::Refused { turns_in } => {
            telemetry::refused(bill.route);
            Err(limit_reached(turns_in))
        }
    }
}

impl Spending {
    /// Goes on with a call that has begun to answer. One that the provider did nothing for costs nothing.
    pub fn begun<T>(self, begun: Result<T, llm::Error>) -> Result<(Self, T), llm::Error> {
        match begun {
            Ok(answer) => Ok((self, answer)),
            // It had the prompt, and counts it.
            Err(error @ (llm::Error::Late | llm::Error::Deadline | llm::Error::Broken(_))) => {
                Err(error)
            }
            Err(error) => {
                self.release();
                Err(error)
            }
        }
    }

    /// So far. To be told after each piece of the answer, for there may be no other.
    pub fn used(&mut self, completion: &Completion) {
        let model = completion.model();
        if self.bill.model != model {
            model.clone_into(&mut self.bill.model);
        }
        self.bill.usage = completion.usage();
    }

    /// The same for embeddings, which come all at once.
    pub fn used_for(&mut self, embeddings: &Embeddings) {
        self.bill.usage = embeddings.usage;
    }

    /// Pays what was used, and says what that was.
    pub fn settle(mut self) -> NanoUsd {
        let lifecycle = self.context.app().lifecycle.clone();
        if let Some(due) = self.due() {
            detached::done(&lifecycle, || pay(due));
        }
        self.bill.cost(&self.context.config().llm.prices)
    }

    fn due(&mut self) -> Option<Due> {
        let reservation = self.reservation.take()?;
        Some(Due {
            context: self.context.detached(self.context.deadline()),
            reservation,
            bill: self.bill.clone(),
        })
    }

    /// Gives all of it back: the provider did nothing. Should that fail, the reservation's time will be over.
    pub fn release(mut self) {
        if let Some(reservation) = self.reservation.take() {
            let mut context = self.context.detached(Deadline::after(PATIENCE));
            if let Err(error) = release(&mut context, reservation) {
                warn!(%error, "a reservation could not be released: {error}");
            }
        }
    }
}

impl Drop for Spending {
    fn drop(&mut self) {
        if let Some(due) = self.due() {
            let context = due.context.uncounted();
            let due = Due { context, ..due };
            let lifecycle = self.context.app().lifecycle.clone();
            detached::leave(&lifecycle, || pay(due));
        }
    }
}

/// What is to be paid at the end, detached from who owes it: an answer goes on only as fast as its client reads, and
/// one that does not read must not hold the database meanwhile.
struct Due {
    context: Context,
    reservation: Reservation,
    bill: Bill,
}

/// Should the database not take it, it is tried once more.
fn pay(due: Due) {
    for is_last in [false, true] {
        let mut context = due.context.detached(Deadline::after(PATIENCE));
        match settle(&mut context, due.reservation, &due.bill) {
            Ok(()) => return,
            Err(error) if is_last => {
                let nano_usd = due.bill.cost(&context.config().llm.prices).0;
                warn!(%error, nano_usd, "what was spent could not be settled: {error}");
            }
            Err(_) => {}
        }
    }
}

fn settle(context: &mut Context, reservation: Reservation, bill: &Bill) -> Result<(), Error> {
    let cost = bill.cost(&context.config().llm.prices);
    let spent = Settlement {
        amount: row(cost),
        model: &bill.model,
        input_tokens: count(bill.usage.input_tokens),
        output_tokens: count(bill.usage.output_tokens),
        cached_input_tokens: count(bill.usage.cached_input_tokens),
        is_estimated: bill.usage.is_estimated,
    };
    let mut transaction = context.begin()?;
    let is_first = rows::settle(&mut transaction, reservation, &spent)?;
    transaction.commit()?;
    if is_first {
        telemetry::settled(bill.operation, bill.route, &bill.model, cost);
    }
    Ok(())
}

fn release(context: &mut Context, reservation: Reservation) -> Result<(), Error> {
    rows::release(&mut *context.write()?, reservation).map(drop)
}

fn most(prices: &Prices, models: &[String], prompt: &Prompt) -> NanoUsd {
    let bytes = bytes(&prompt.system).saturating_add(bytes(&prompt.user));
    let usage = Usage {
        input_tokens: bytes.saturating_add(WRAPPING),
        output_tokens: prompt.max_tokens.into(),
        ..Usage::default()
    };
    let costs = models.iter().map(|model| prices.cost(model, usage));
    costs.max().unwrap_or_default()
}

/// A token is at least one of them.
fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn limit_reached(turns_in: Duration) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "spend-limit-reached")
        .detail("what this caller may spend in a day has no room for this request: GET /v1/spend")
        .retry_after(turns_in)
}

fn row(amount: NanoUsd) -> i64 {
    count(amount.0)
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
