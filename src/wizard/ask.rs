//! The three kinds of question. Esc goes back; Ctrl-C ends with nothing left behind.

use std::fmt;

use inquire::{
    Confirm, InquireError, Select,
    ui::{RenderConfig, Styled},
};

use super::{paper::Paper, text::Question, wrap};
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
        let text = match &self.ruled_out {
            None => format!("{}: {}", self.title, self.detail),
            Some(reason) => format!("{} (not possible): {reason}", self.title),
        };
        f.write_str(&wrap::within(&text, wrap::columns().saturating_sub(MARK)))
    }
}

/// What stands before each line of a list, `> ` or blanks, and the column that a cursor may need.
const MARK: usize = 3;
const LIST_HELP: &str = "arrows move, Enter takes, Esc goes back, Ctrl-C leaves nothing behind";
pub(super) const NAME_HELP: &str = "a folder of this name is made here; Ctrl-C leaves nothing behind";

pub(super) fn text(
    paper: &mut Paper,
    question: &str,
    help: &str,
    before: &str,
    check: impl Fn(&str) -> Result<()>,
) -> Result<Answer<String>> {
    let prompt = Question { text: question, help, before };
    match while_asking(|| prompt.ask(check)).map_err(cannot_ask)?? {
        Some(text) => {
            paper.answered(&format!("> {question} {text}"));
            Ok(Answer::Given(text))
        }
        None => Ok(back(paper, question)),
    }
}

/// The place of the chosen one; a choice that is ruled out is explained and asked again.
pub(super) fn one(
    paper: &mut Paper,
    question: &str,
    choices: &[Choice],
    cursor: usize,
) -> Result<Answer<usize>> {
    let mut cursor = cursor;
    let mut help = LIST_HELP.to_owned();
    loop {
        let prompt = Select::new(question, choices.to_vec())
            .with_render_config(look())
            .with_starting_cursor(cursor)
            .with_help_message(&help)
            .with_page_size(choices.len().clamp(1, 12))
            .with_formatter(&|chosen| chosen.value.title.clone())
            .without_filtering();
        let Some(chosen) = asked(|| prompt.raw_prompt_skippable())? else { return Ok(back(paper, question)) };
        let line = format!("> {question} {}", chosen.value.title);
        let Some(reason) = &chosen.value.ruled_out else {
            paper.answered(&line);
            return Ok(Answer::Given(chosen.index));
        };
        paper.take_back(&line);
        cursor = chosen.index;
        help = format!("{} cannot be taken: {reason}", chosen.value.title);
    }
}

pub(super) fn yes(paper: &mut Paper, question: &str) -> Result<Answer<bool>> {
    let prompt = Confirm::new(question).with_render_config(look()).with_default(true);
    match asked(|| prompt.prompt_skippable())? {
        Some(answer) => Ok(Answer::Given(answer)),
        None => Ok(back(paper, question)),
    }
}

fn back<T>(paper: &mut Paper, question: &str) -> Answer<T> {
    paper.back(&format!("? {question} "));
    Answer::Back
}

/// A question that is left is taken away, so nothing needs to be said of it.
fn look() -> RenderConfig<'static> {
    RenderConfig::default().with_canceled_prompt_indicator(Styled::new(""))
}

fn asked<T>(ask: impl FnOnce() -> Result<Option<T>, InquireError>) -> Result<Option<T>> {
    while_asking(ask).map_err(|error| match error {
        InquireError::OperationInterrupted => Error::interrupted(),
        error => cannot_ask(error),
    })
}

fn cannot_ask(error: impl fmt::Display) -> Error {
    Error::new(Status::Failed, "cannot ask on this terminal")
        .cause(error)
        .help("give the answers by flags: formwork new PATH --yes, or --set SLOT=OPTION")
}
