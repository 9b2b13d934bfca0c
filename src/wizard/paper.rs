//! What the wizard has written on the terminal, so that going back takes it away again.

use std::io::{self, Write as _, stderr};

use crossterm::{
    cursor::{MoveToColumn, MoveUp},
    queue,
    terminal::{Clear, ClearType},
};

use super::wrap;

#[derive(Debug, Default)]
pub(super) struct Paper {
    /// How many rows each answered question takes, with what was shown before it.
    answered: Vec<usize>,
    /// Rows that were shown since the last answer.
    shown: usize,
}

impl Paper {
    /// Shows text that belongs to the next question.
    pub(super) fn show(&mut self, text: &str) {
        anstream::eprintln!("{text}");
        self.shown += text.split('\n').map(rows).sum::<usize>();
    }

    /// A question stands there with its answer.
    pub(super) fn answered(&mut self, line: &str) {
        self.answered.push(self.shown + rows(line));
        self.shown = 0;
    }

    /// A question stands there with an answer that does not count.
    pub(super) fn take_back(&mut self, line: &str) {
        erase(rows(line));
    }

    /// A question stands there without an answer: it goes, and so does the one before it, which is asked again.
    pub(super) fn back(&mut self, line: &str) {
        erase(rows(line) + self.shown + self.answered.pop().unwrap_or_default());
        self.shown = 0;
    }
}

fn rows(line: &str) -> usize {
    line.chars().count().div_ceil(wrap::columns()).max(1)
}

/// A terminal that cannot is left with some lines too many.
fn erase(rows: usize) {
    let _ = try_erase(u16::try_from(rows).unwrap_or(u16::MAX));
}

fn try_erase(rows: u16) -> io::Result<()> {
    let mut terminal = stderr();
    queue!(terminal, MoveToColumn(0), MoveUp(rows), Clear(ClearType::FromCursorDown))?;
    terminal.flush()
}
