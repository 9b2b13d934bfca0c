//! What is answered: the sentences of the prompt that have most in common with its last line, which is the question.
//! The same prompt has the same answer every time.

use super::embedding;

const SENTENCES: usize = 2;

/// Those that have less in common with the question say nothing of it.
const LEAST_LIKENESS: f32 = 0.1;

const BEGINNING: &str = "This answer is simulated.";
const NOTHING: &str = "Nothing that was given speaks of the question.";

/// Of at most `longest` tokens.
pub(super) fn to(prompt: &str, longest: usize) -> String {
    let prompt = without_marks(prompt);
    let lines: Vec<&str> = prompt
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let (question, given) = lines.split_last().unwrap_or((&"", &[]));
    let asked = vector(question);
    let mut sentences: Vec<(f32, &str)> = given
        .iter()
        .flat_map(|line| line.split_inclusive(['.', '!', '?']))
        .map(|sentence| {
            (
                embedding::likeness(&asked, &vector(sentence)),
                sentence.trim(),
            )
        })
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .collect();
    // A stable sort: equals stay in the order of the prompt.
    sentences.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let said: Vec<&str> = sentences
        .iter()
        .take(SENTENCES)
        .map(|(_, sentence)| *sentence)
        .collect();
    let rest = if said.is_empty() {
        NOTHING.to_owned()
    } else {
        said.join(" ")
    };
    let whole = format!("{BEGINNING} {rest}");
    tokens(&whole).into_iter().take(longest).collect()
}

/// `<passage>` and the like say what a text is, and not what it is about.
fn without_marks(text: &str) -> String {
    let parts = text.split('<');
    let kept = parts.map(|part| part.split_once('>').map_or(part, |(_, kept)| kept));
    kept.collect()
}

/// Words with the space before them.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let words = text.split_whitespace().enumerate();
    words
        .map(|(at, word)| format!("{}{word}", if at == 0 { "" } else { " " }))
        .collect()
}

pub(super) fn count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

fn vector(text: &str) -> Vec<f32> {
    embedding::of(text, embedding::DIMENSIONS.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_comes_from_what_was_given() {
        let prompt = "<passage>\nPears are green. Parcels are returned within thirty days.\n</passage>\n\
                      <question>When are parcels returned?</question>";
        let answer = to(prompt, 100);
        assert!(
            answer.contains("Parcels are returned within thirty days."),
            "{answer}"
        );
        assert!(!answer.contains("Pears"), "{answer}");
        assert_eq!(answer, to(prompt, 100));
        assert_eq!(tokens(&to(prompt, 5)).len(), 5);
        assert!(to("Why?", 100).ends_with(NOTHING));
    }
}
