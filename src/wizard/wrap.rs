//! Lines that are longer than the terminal is wide: they end between words, and what goes on is indented.

use crossterm::terminal;

const INDENT: &str = "    ";
/// Of a terminal that does not say.
const USUAL: usize = 80;

pub(super) fn columns() -> usize {
    terminal::size().map_or(USUAL, |(columns, _)| usize::from(columns.max(1)))
}

/// The text in lines of at most so many characters, where its words allow that.
pub(super) fn within(text: &str, columns: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let is_first = lines.len() == 1;
        let Some(line) = lines.last_mut() else { break };
        let begun = if is_first { 0 } else { INDENT.len() };
        let width = line.chars().count();
        if width > begun && width + 1 + word.chars().count() > columns {
            lines.push(format!("{INDENT}{word}"));
            continue;
        }
        if width > begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_between_words() {
        let text = "SQLite: nothing to operate, very fast";
        assert_eq!(within(text, 80), text);
        assert_eq!(within(text, 20), "SQLite: nothing to\n    operate, very\n    fast");
        assert_eq!(within(text, 37), text);
        assert_eq!(within(text, 36), "SQLite: nothing to operate, very\n    fast");
    }

    #[test]
    fn a_word_that_fits_no_line_stands_alone() {
        assert_eq!(within("an incomprehensibility is", 8), "an\n    incomprehensibility\n    is");
        assert_eq!(within("incomprehensibility", 0), "incomprehensibility");
    }
}
