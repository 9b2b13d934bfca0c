//! The question that is answered by typing. It looks like inquire's, whose own takes no keys but letters and arrows:
//! Ctrl-U types a `u` there.

use std::io::{self, Write as _, stderr};

use crossterm::{
    cursor::{MoveToColumn, MoveUp},
    event::{self, Event, KeyEventKind},
    queue,
    style::{Color, Print, ResetColor, SetForegroundColor},
    terminal::{Clear, ClearType, disable_raw_mode, enable_raw_mode},
};

use super::{
    line::{Line, Press},
    wrap,
};
use crate::error::{Error, Result};

pub(super) struct Question<'a> {
    pub(super) text: &'a str,
    pub(super) help: &'a str,
    pub(super) before: &'a str,
}

impl Question<'_> {
    /// Asks until `check` has nothing against the answer; none if it is to go back.
    pub(super) fn ask(&self, check: impl Fn(&str) -> Result<()>) -> io::Result<Result<Option<String>>> {
        let _raw = RawMode::begin()?;
        let mut line = Line::new(self.before);
        let mut frame = Frame::default();
        let mut objection = None;
        loop {
            frame.draw(self, &line, objection.as_deref())?;
            let Event::Key(key) = event::read()? else { continue };
            if key.kind != KeyEventKind::Press {
                continue;
            }
            match line.press(key) {
                Press::Edit => objection = None,
                Press::Interrupt => {
                    frame.end("?", self, "")?;
                    return Ok(Err(Error::interrupted()));
                }
                Press::Back => {
                    frame.end("?", self, "")?;
                    return Ok(Ok(None));
                }
                Press::Enter => match check(&line.text()) {
                    Ok(()) => {
                        frame.end(">", self, &line.text())?;
                        return Ok(Ok(Some(line.text())));
                    }
                    Err(error) => objection = Some(error.message),
                },
            }
        }
    }
}

/// Keys come one by one while this lives.
struct RawMode;

impl RawMode {
    fn begin() -> io::Result<Self> {
        enable_raw_mode().map(|()| Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // It fails where the terminal is gone, and then there is none to put right.
        let _ = disable_raw_mode();
    }
}

/// What is drawn, to be drawn over.
#[derive(Default)]
struct Frame {
    /// The cursor's row, from the question's first one.
    row: u16,
}

impl Frame {
    fn draw(&mut self, question: &Question, line: &Line, objection: Option<&str>) -> io::Result<()> {
        self.clear()?;
        let (color, below) = match objection {
            Some(objection) => (Color::Red, format!("# {objection}")),
            None => (Color::Cyan, format!("[{}]", question.help)),
        };
        let typed = line.text();
        write(Color::Green, "?", &format!(" {} {typed}\r\n", question.text))?;
        write(color, &below, "")?;
        let columns = wrap::columns();
        let rows = |width: usize| u16::try_from(width.div_ceil(columns).max(1)).unwrap_or(1);
        let first = "? ".len() + question.text.chars().count() + " ".len();
        let cursor = first + line.cursor();
        self.row = u16::try_from(cursor / columns).unwrap_or_default();
        let last = rows(first + typed.chars().count()) + rows(below.chars().count()) - 1;
        let column = u16::try_from(cursor % columns).unwrap_or_default();
        let mut terminal = stderr();
        up(last.saturating_sub(self.row))?;
        queue!(terminal, MoveToColumn(column))?;
        terminal.flush()
    }

    /// The question as it stays.
    fn end(&mut self, mark: &str, question: &Question, answer: &str) -> io::Result<()> {
        self.clear()?;
        write(Color::Green, mark, &format!(" {} ", question.text))?;
        write(Color::Cyan, answer, "\r\n")?;
        stderr().flush()
    }

    fn clear(&mut self) -> io::Result<()> {
        up(self.row)?;
        self.row = 0;
        queue!(stderr(), MoveToColumn(0), Clear(ClearType::FromCursorDown))
    }
}

/// No rows at all would be read as one by a terminal.
fn up(rows: u16) -> io::Result<()> {
    if rows > 0 { queue!(stderr(), MoveUp(rows)) } else { Ok(()) }
}

/// crossterm leaves colours out where `NO_COLOR` says so.
fn write(color: Color, colored: &str, plain: &str) -> io::Result<()> {
    queue!(stderr(), SetForegroundColor(color), Print(colored), ResetColor, Print(plain))
}
