//! The three kinds of question. Esc goes back; Ctrl-C ends with nothing left behind.

use std::fmt;

use inquire::{Confirm, InquireError, Select, Text, validator::Validation};

use crate::{
    error::{Error, Result, Status},
    interrupt::while_asking,
};

pub(super) enum Answer<T> {
    Given(T),
    Back,
}

/// One line of a list.
#[derive(Clone)]
pub(super) struct Choice {
    pub(super) title: String,
    pub(super) detail: String,
    /// Why it cannot be taken.
    pub(super) ruled_out: Option<String>,
}

impl Choice {
    pub(super) fn open(title: &str, detail: &str) -> Self {
        Self { title: title.to_owned(), detail: detail.to_owned(), ruled_out: None }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ruled_out {
            None => write!(f, "{}: {}", self.title, self.detail),
            Some(reason) => write!(f, "{} (not possible): {reason}", self.title),
        }
    }
}

const LIST_HELP: &str = "arrows move, Enter takes, Esc goes back, Ctrl-C leaves nothing behind";
const TEXT_HELP: &str = "a folder of this name is made here; Ctrl-C leaves nothing behind";

pub(super) fn text(
    question: &str,
    before: &str,
    check: impl Fn(&str) -> Result<()> + Clone + 'static,
) -> Result<Answer<String>> {
    let validator = move |text: &str| match check(text) {
        Ok(()) => Ok(Validation::Valid),
        Err(error) => Ok(Validation::Invalid(error.message.into())),
    };
    let prompt = Text::new(question).with_help_message(TEXT_HELP).with_initial_value(before);
    answer(|| prompt.with_validator(validator).prompt_skippable())
}

/// The place of the chosen one; a choice that is ruled out is explained and asked again.
pub(super) fn one(question: &str, choices: &[Choice], cursor: usize) -> Result<Answer<usize>> {
    let mut cursor = cursor;
    let mut help = LIST_HELP.to_owned();
    loop {
        let prompt = Select::new(question, choices.to_vec())
            .with_starting_cursor(cursor)
            .with_help_message(&help)
            .with_page_size(choices.len().clamp(1, 12))
            .with_formatter(&|chosen| chosen.value.title.clone())
            .without_filtering();
        let chosen = match answer(|| prompt.raw_prompt_skippable())? {
            Answer::Back => return Ok(Answer::Back),
            Answer::Given(chosen) => chosen,
        };
        let Some(reason) = &chosen.value.ruled_out else { return Ok(Answer::Given(chosen.index)) };
        cursor = chosen.index;
        help = format!("{} cannot be taken: {reason}", chosen.value.title);
    }
}

pub(super) fn yes(question: &str) -> Result<Answer<bool>> {
    answer(|| Confirm::new(question).with_default(true).prompt_skippable())
}

fn answer<T>(ask: impl FnOnce() -> Result<Option<T>, InquireError>) -> Result<Answer<T>> {
    match while_asking(ask) {
        Ok(Some(given)) => Ok(Answer::Given(given)),
        Ok(None) => Ok(Answer::Back),
        Err(InquireError::OperationInterrupted) => Err(Error::interrupted()),
        Err(error) => Err(Error::new(Status::Failed, "cannot ask on this terminal")
            .cause(error)
            .help("give the answers by flags: formwork new PATH --yes, or --set SLOT=OPTION")),
    }
}
