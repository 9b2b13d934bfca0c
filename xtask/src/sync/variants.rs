//! A template as the Rust that it can be: each variant has one branch of every tag, each branch stands in some
//! variant, and what is made of the variants is put together again.
//!
//! Tags stand on lines of their own, and one does not stand within another. What is outside of them must come out the
//! same whichever branch is taken: formatting may not depend on a tag.

use super::tokens::{Refusal, Result};

/// Stands in a variant where a tag was.
const MARK: &str = "//@";

enum Piece<'a> {
    /// With the line that it begins at.
    Text(usize, Vec<&'a str>),
    Choice(Vec<Branch<'a>>, &'a str),
}

struct Branch<'a> {
    /// The line that begins it.
    tag: &'a str,
    line: usize,
    text: Vec<&'a str>,
}

/// Makes of a template what `make` makes of Rust.
pub(crate) fn each(text: &str, make: impl Fn(&str) -> Result<String>) -> Result<String> {
    let pieces = parse(text)?;
    let most = pieces
        .iter()
        .map(|piece| if let Piece::Choice(branches, _) = piece { branches.len() } else { 1 })
        .max();
    let variants: Result<Vec<Vec<String>>> =
        (0..most.unwrap_or(1)).map(|number| variant(&pieces, number, &make)).collect();
    join(&pieces, &variants?)
}

fn parse(text: &str) -> Result<Vec<Piece<'_>>> {
    let mut pieces = vec![Piece::Text(1, Vec::new())];
    let mut open: Option<Vec<Branch<'_>>> = None;
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        let refuse = |why: &str| Err(Refusal { line: number, why: why.to_owned() });
        let tag = line.trim().strip_prefix("{%").and_then(|rest| rest.strip_suffix("%}"));
        let Some(tag) = tag else {
            if line.contains("{%") || line.contains("{#") {
                return refuse("a tag must stand on a line of its own");
            }
            match (&mut open, pieces.last_mut()) {
                (Some(branches), _) => {
                    branches.iter_mut().last().into_iter().for_each(|last| last.text.push(line))
                }
                (None, Some(Piece::Text(_, text))) => text.push(line),
                (None, _) => pieces.push(Piece::Text(number, vec![line])),
            }
            continue;
        };
        let word = tag.trim_start_matches('-').split_whitespace().next().unwrap_or_default();
        let branch = Branch { tag: line, line: number, text: Vec::new() };
        match (word, open.take()) {
            ("if", None) => open = Some(vec![branch]),
            ("if", Some(_)) => return refuse("a tag stands within another"),
            ("elif" | "else", Some(mut branches)) => {
                branches.push(branch);
                open = Some(branches);
            }
            ("endif", Some(branches)) => {
                pieces.push(Piece::Choice(branches, line));
                pieces.push(Piece::Text(number + 1, Vec::new()));
            }
            _ => return refuse("this tag is not known"),
        }
    }
    Ok(pieces)
}

/// What is made of the variant, cut where tags were.
fn variant(
    pieces: &[Piece<'_>],
    number: usize,
    make: impl Fn(&str) -> Result<String>,
) -> Result<Vec<String>> {
    let mut text = String::new();
    let mut lines = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        let (first, content) = match piece {
            Piece::Text(first, content) => (*first, content),
            Piece::Choice(branches, _) => {
                let branch = &branches[number.min(branches.len() - 1)];
                (branch.line + 1, &branch.text)
            }
        };
        if place > 0 {
            text.push_str(&format!("{MARK}{place}\n"));
            lines.push(first);
        }
        for (offset, line) in content.iter().enumerate() {
            text.push_str(line);
            text.push('\n');
            lines.push(first + offset);
        }
    }
    let place = |refusal: Refusal| {
        let line = refusal.line.checked_sub(1).and_then(|line| lines.get(line));
        Refusal { line: *line.unwrap_or(&1), ..refusal }
    };
    let made = make(&text).map_err(place)?;
    let mut cut = vec![String::new()];
    for line in made.lines() {
        if line.trim() == format!("{MARK}{}", cut.len()) {
            cut.push(String::new());
        } else if line.contains(MARK) {
            return Err(Refusal { line: 1, why: format!("a tag has been moved: {}", line.trim()) });
        } else if let Some(last) = cut.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    match cut.len() == pieces.len() {
        true => Ok(cut),
        false => Err(Refusal { line: 1, why: "a tag was lost".to_owned() }),
    }
}

fn join(pieces: &[Piece<'_>], variants: &[Vec<String>]) -> Result<String> {
    let mut text = String::new();
    for (place, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(line, _) => {
                let made = &variants[0][place];
                if variants.iter().any(|variant| variant[place] != *made) {
                    let why = "what is derived of this depends on a tag elsewhere".to_owned();
                    return Err(Refusal { line: *line, why });
                }
                text.push_str(made);
            }
            Piece::Choice(branches, end) => {
                for (number, branch) in branches.iter().enumerate() {
                    text.push_str(&format!("{}\n{}", branch.tag, variants[number][place]));
                }
                text.push_str(&format!("{end}\n"));
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str =
        "a\n{%- if x %}\nb {\n{%- else %}\nc {\n{%- endif %}\nd\n{% if y -%}\ne\n{% endif -%}\n";

    #[test]
    fn each_branch_is_made_and_the_tags_stay() {
        let made = each(TEMPLATE, |text| Ok(text.replace('b', "B").replace('c', "C").replace('e', "E")));
        assert_eq!(
            made.expect("made"),
            TEMPLATE.replace('b', "B").replace('c', "C").replace("\ne\n", "\nE\n")
        );
    }

    #[test]
    fn each_variant_has_one_branch_of_every_tag() {
        let made = each(TEMPLATE, |text| {
            assert!(
                text == "a\n//@1\nb {\n//@2\nd\n//@3\ne\n//@4\n"
                    || text == "a\n//@1\nc {\n//@2\nd\n//@3\ne\n//@4\n"
            );
            Ok(text.to_owned())
        });
        assert_eq!(made.expect("made"), TEMPLATE);
    }

    #[test]
    fn a_refusal_names_the_templates_line() {
        let refused = each(TEMPLATE, |text| match text.contains('c') {
            true => Err(Refusal { line: 3, why: String::new() }),
            false => Ok(text.to_owned()),
        });
        assert_eq!(refused.expect_err("refused").line, 5);
    }

    #[test]
    fn what_cannot_be_put_together_is_refused() {
        let depends =
            |text: &str| Ok(if text.contains('b') { text.replace('d', "D") } else { text.to_owned() });
        assert_eq!(each(TEMPLATE, depends).expect_err("refused").line, 7);
        for (template, line) in [
            ("{% if a %}\n{% if b %}\n{% endif %}\n{% endif %}\n", 2),
            ("a {% if b %}c{% endif %}\n", 1),
            ("{% for a %}\n", 1),
        ] {
            assert_eq!(each(template, |text| Ok(text.to_owned())).expect_err("refused").line, line);
        }
    }
}
