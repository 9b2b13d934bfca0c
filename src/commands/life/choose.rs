//! Which of several equally near sets of answers, and whether at all.

use inquire::{Confirm, InquireError, Select};

use crate::{
    answers::Choices,
    error::{Error, Result, Status},
    interrupt::while_asking,
    life::{Change, Move, Settled, Wish, followers},
};

/// The one way there is; where there are several, whoever is at the terminal says which.
pub(super) fn one(wish: Wish, asked: &Choices, settled: Vec<Settled>, may_ask: bool) -> Result<Settled> {
    let moves = |settled: &Settled| settled.along.iter().any(Move::is_a_question);
    let commands: Vec<String> = settled.iter().map(|settled| followers::command(asked, settled)).collect();
    if wish == Wish::Update && settled.iter().any(moves) {
        let error = Error::usage("the recorded answers do not go together any more");
        return Err(commands.into_iter().fold(error, Error::help));
    }
    let mut settled = settled;
    if settled.len() > 1 {
        if !may_ask {
            let error = Error::usage("other answers must move along, and there is more than one way");
            return Err(commands.into_iter().fold(error, Error::help));
        }
        let labels: Vec<String> = settled.iter().map(|settled| said(&settled.along)).collect();
        let at = asked_at_terminal(|| Select::new("What moves along?", labels.clone()).raw_prompt())?.index;
        return Ok(settled.swap_remove(at));
    }
    settled.pop().ok_or_else(|| Error::usage("no project can have these answers together"))
}

/// Whether what nobody asked for may happen too.
pub(super) fn agrees(change: &Change) -> Result<bool> {
    if !change.along.iter().any(Move::is_a_question) {
        return Ok(true);
    }
    let question = format!("{} too. Go on?", said(&change.along));
    asked_at_terminal(|| Confirm::new(&question).with_default(true).prompt())
}

fn said(along: &[Move]) -> String {
    let moved =
        along.iter().filter_map(|one| Some(format!("{} {} → {}", one.slot, one.from.as_deref()?, one.to)));
    let moved = moved.collect::<Vec<_>>().join(", ");
    if moved.is_empty() { "nothing".to_owned() } else { moved }
}

fn asked_at_terminal<T>(ask: impl FnOnce() -> Result<T, InquireError>) -> Result<T> {
    while_asking(ask).map_err(|error| match error {
        InquireError::OperationInterrupted | InquireError::OperationCanceled => {
            Error::interrupted().help("nothing was changed")
        }
        error => Error::new(Status::Failed, "cannot ask on this terminal")
            .cause(error)
            .help("give all answers: formwork set SLOT=OPTION… --yes"),
    })
}
