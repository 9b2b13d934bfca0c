//! A line as it is typed, with the keys that a shell's line has.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key was for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Press {
    Edit,
    Enter,
    Back,
    Interrupt,
}

#[derive(Debug, Default)]
pub(super) struct Line {
    text: Vec<char>,
    cursor: usize,
}

impl Line {
    pub(super) fn new(text: &str) -> Self {
        let text: Vec<char> = text.chars().collect();
        Self { cursor: text.len(), text }
    }

    pub(super) fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// Characters before the cursor.
    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(super) fn press(&mut self, key: KeyEvent) -> Press {
        let end = self.text.len();
        let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Press::Enter,
            KeyCode::Esc => return Press::Back,
            KeyCode::Char('c') if with_control => return Press::Interrupt,
            KeyCode::Char('u') if with_control => self.delete(0, self.cursor),
            KeyCode::Char('k') if with_control => self.delete(self.cursor, end),
            KeyCode::Char('w') if with_control => self.delete(self.start_of_word(), self.cursor),
            KeyCode::Char('d') if with_control => self.delete(self.cursor, self.cursor + 1),
            KeyCode::Char('h') if with_control => self.delete_left(),
            KeyCode::Char('a') if with_control => self.cursor = 0,
            KeyCode::Char('e') if with_control => self.cursor = end,
            KeyCode::Char('b') if with_control => self.move_left(),
            KeyCode::Char('f') if with_control => self.move_right(),
            KeyCode::Backspace if key.modifiers.contains(KeyModifiers::ALT) => {
                self.delete(self.start_of_word(), self.cursor);
            }
            KeyCode::Backspace => self.delete_left(),
            KeyCode::Delete => self.delete(self.cursor, self.cursor + 1),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = end,
            KeyCode::Left => self.move_left(),
            KeyCode::Right => self.move_right(),
            KeyCode::Char(letter) if !with_control && !key.modifiers.contains(KeyModifiers::ALT) => {
                self.text.insert(self.cursor, letter);
                self.cursor += 1;
            }
            _ => {}
        }
        Press::Edit
    }

    fn move_left(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }

    fn move_right(&mut self) {
        self.cursor = (self.cursor + 1).min(self.text.len());
    }

    fn delete_left(&mut self) {
        self.delete(self.cursor.saturating_sub(1), self.cursor);
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.drain(from..to.min(self.text.len()));
        self.cursor = from;
    }

    /// Of the word before the cursor, whatever blanks or dashes stand between.
    fn start_of_word(&self) -> usize {
        let before = &self.text[..self.cursor];
        let is_letter = |letter: &char| letter.is_alphanumeric();
        let end = before.iter().rposition(is_letter).map_or(0, |last| last + 1);
        before[..end].iter().rposition(|letter| !is_letter(letter)).map_or(0, |blank| blank + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &mut Line, keys: &str) {
        for letter in keys.chars() {
            line.press(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE));
        }
    }

    fn with_control(line: &mut Line, letter: char) -> Press {
        line.press(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
    }

    fn press(line: &mut Line, code: KeyCode) -> Press {
        line.press(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn letters_go_where_the_cursor_is() {
        let mut line = Line::new("orders");
        press(&mut line, KeyCode::Home);
        typed(&mut line, "my-");
        press(&mut line, KeyCode::End);
        typed(&mut line, "2");
        assert_eq!((line.text().as_str(), line.cursor()), ("my-orders2", 10));
    }

    #[test]
    fn a_shells_keys_delete_as_in_a_shell() {
        let mut line = Line::new("parts-list");
        with_control(&mut line, 'w');
        assert_eq!(line.text(), "parts-");
        with_control(&mut line, 'w');
        assert_eq!(line.text(), "");
        typed(&mut line, "orders");
        with_control(&mut line, 'u');
        assert_eq!((line.text().as_str(), line.cursor()), ("", 0));
        typed(&mut line, "orders");
        with_control(&mut line, 'a');
        press(&mut line, KeyCode::Right);
        with_control(&mut line, 'k');
        assert_eq!(line.text(), "o");
    }

    #[test]
    fn what_means_nothing_types_nothing() {
        let mut line = Line::new("a");
        with_control(&mut line, 'x');
        for code in [KeyCode::Delete, KeyCode::Right, KeyCode::Tab, KeyCode::F(1)] {
            assert_eq!(press(&mut line, code), Press::Edit);
        }
        assert_eq!(line.text(), "a");
        press(&mut line, KeyCode::Backspace);
        press(&mut line, KeyCode::Backspace);
        assert_eq!((line.text().as_str(), line.cursor()), ("", 0));
    }

    #[test]
    fn a_line_ends_in_three_ways() {
        let mut line = Line::default();
        assert_eq!(press(&mut line, KeyCode::Enter), Press::Enter);
        assert_eq!(press(&mut line, KeyCode::Esc), Press::Back);
        assert_eq!(with_control(&mut line, 'c'), Press::Interrupt);
    }
}
