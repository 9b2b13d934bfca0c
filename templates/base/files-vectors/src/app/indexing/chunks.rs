//! Cuts a text into chunks that are small enough to mean one thing. A chunk ends where a paragraph does, or else a
//! sentence, or else a word, and begins with the end of the one before, so that what stands at a cut is whole in
//! one of the two.

use std::ops::Range;

/// The most characters of a chunk.
const LONGEST: usize = 1_200;

/// The most characters that a chunk has in common with the one before.
const OVERLAP: usize = 200;

/// What is not cut any further: a sentence, or a part of a long one that still fits into an overlap.
struct Piece {
    place: Range<usize>,
    characters: usize,
    ends_paragraph: bool,
}

/// The chunks of a text, in its order. None of them is blank.
pub(super) fn chunks(text: &str) -> Vec<&str> {
    let pieces = pieces(text);
    let mut chunks = Vec::new();
    let mut first = 0;
    while first < pieces.len() {
        let end = end(&pieces, first);
        chunks.push(text[pieces[first].place.start..pieces[end - 1].place.end].trim());
        if end == pieces.len() {
            break;
        }
        first = next(&pieces, first, end);
    }
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

/// Where the chunk ends that begins at `first`: at the last paragraph, if that leaves it half full.
fn end(pieces: &[Piece], first: usize) -> usize {
    let mut characters = 0;
    let (mut end, mut end_of_paragraph) = (first, None);
    for piece in &pieces[first..] {
        characters += piece.characters;
        if characters > LONGEST {
            return end_of_paragraph.unwrap_or(end);
        }
        end += 1;
        if piece.ends_paragraph && characters >= LONGEST / 2 {
            end_of_paragraph = Some(end);
        }
    }
    end
}

/// Where the next chunk begins after one of `first..end`.
fn next(pieces: &[Piece], first: usize, end: usize) -> usize {
    let mut characters = 0;
    let repeated = pieces[first + 1..end].iter().rev().take_while(|piece| {
        characters += piece.characters;
        characters <= OVERLAP
    });
    end - repeated.count()
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for paragraph in paragraphs(text) {
        for part in sentences(paragraph).flat_map(parts) {
            let place = start..start + part.len();
            start = place.end;
            pieces.push(Piece {
                place,
                characters: part.chars().count(),
                ends_paragraph: false,
            });
        }
        if let Some(last) = pieces.last_mut() {
            last.ends_paragraph = true;
        }
    }
    pieces
}

/// Cuts after blank lines.
fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = 0;
    text.split_inclusive(move |character: char| {
        lines = match character {
            '\n' => lines + 1,
            other if other.is_whitespace() => lines,
            _ => 0,
        };
        character == '\n' && lines == 2
    })
}

/// Cuts after the space that follows the end of a sentence, and where none does, as in Chinese, after the end.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut has_ended = false;
    text.split_inclusive(move |character: char| {
        let cut =
            (has_ended && character.is_whitespace()) || matches!(character, '。' | '！' | '？');
        let closes = matches!(character, '"' | '\'' | '”' | '’' | '»' | ')' | ']');
        has_ended = matches!(character, '.' | '!' | '?' | '…') || (has_ended && closes);
        cut
    })
}

/// Cuts what is longer than an overlap: after a space, or anywhere between two characters.
fn parts(sentence: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = sentence;
    while let Some((longest, _)) = rest.char_indices().nth(OVERLAP) {
        let space = rest[..longest]
            .char_indices()
            .rfind(|(_, character)| character.is_whitespace());
        let cut = space.map_or(longest, |(at, character)| at + character.len_utf8());
        let (part, left) = rest.split_at(cut);
        parts.push(part);
        rest = left;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a chunk stands in the text that it was cut from.
    fn place(text: &str, chunk: &str) -> Range<usize> {
        let start = chunk.as_ptr() as usize - text.as_ptr() as usize;
        start..start + chunk.len()
    }

    /// What must hold of any text: bounds, and that nothing is lost.
    fn check(text: &str) -> Vec<&str> {
        let chunks = chunks(text);
        let mut end = 0;
        for chunk in &chunks {
            assert!((1..=LONGEST).contains(&chunk.chars().count()), "{chunk:?}");
            let place = place(text, chunk);
            assert!(place.end > end, "{chunk:?} has nothing new");
            if place.start > end {
                assert_eq!(text[end..place.start].trim(), "");
            } else {
                assert!(text[place.start..end].chars().count() <= OVERLAP);
            }
            end = place.end;
        }
        assert_eq!(text[end..].trim(), "");
        chunks
    }

    #[test]
    fn what_is_short_stays_whole() {
        for text in ["one", "One. Two!\n\nThree?", &"a".repeat(LONGEST)] {
            assert_eq!(check(text), [text]);
        }
        assert_eq!(check("\n  padded \n\n"), ["padded"]);
        for blank in ["", " \n\n\t "] {
            assert_eq!(check(blank), Vec::<&str>::new());
        }
    }

    #[test]
    fn any_text_is_cut_within_bounds_and_nothing_is_lost() {
        let long = LONGEST * 3;
        for text in [
            "a".repeat(long),
            "word ".repeat(long),
            "A sentence of a few words. ".repeat(200),
            "Ein \u{1f9d1}\u{200d}\u{1f680} läuft… ".repeat(300),
            "\u{1f600}".repeat(long),
            "这是一个句子。".repeat(400),
            "e\u{301}".repeat(long),
            "One.\r\n\r\nTwo.\r\n\r\n".repeat(300),
            "\n\n\n".repeat(long) + "the end",
            format!("{}\n\n{}", "x".repeat(long), "y ".repeat(long)),
        ] {
            check(&text);
        }
    }

    #[test]
    fn a_chunk_ends_with_a_paragraph_where_it_can() {
        let paragraph = "A sentence of a paragraph. ".repeat(30);
        let text = format!("{paragraph}\n\n{paragraph}\n\n{paragraph}");
        let chunks = check(&text);
        assert_eq!(chunks[0], paragraph.trim());
        assert!(chunks[1].ends_with('.'));
    }

    #[test]
    fn a_chunk_begins_with_whole_sentences_of_the_one_before() {
        let sentences: Vec<String> = (100..200).map(|n| format!("This is number {n}.")).collect();
        let text = sentences.join(" ");
        let chunks = check(&text);
        assert!(chunks.len() > 1);
        for pair in chunks.windows(2) {
            assert!(pair[0].ends_with('.') && pair[1].starts_with("This is"));
            let (before, after) = (place(&text, pair[0]), place(&text, pair[1]));
            assert!(before.end > after.start + OVERLAP / 2, "they overlap");
        }
    }

    #[test]
    fn a_quotation_ends_with_its_mark() {
        let cut: Vec<&str> = sentences("He said \"no.\" Then (so it is.) he left.").collect();
        assert_eq!(cut, ["He said \"no.\" ", "Then (so it is.) ", "he left."]);
    }
}
