//! Calls as they stand among tokens: where the expression begins that one is, and what is called.

use proc_macro2::{Delimiter, TokenTree};

use super::tokens::{is_group, is_punct};

/// Words that an expression does not go on before.
const KEYWORDS: [&str; 12] =
    ["as", "break", "else", "if", "in", "let", "match", "move", "mut", "return", "unsafe", "while"];

/// Whether the call that ends at `end` has one of these names: `*`, `name`, `module::name` or `value.name`.
pub(crate) fn is_one_of<'a>(
    mut names: impl Iterator<Item = &'a String>,
    tokens: &[TokenTree],
    end: usize,
) -> bool {
    let Some(name) = end.checked_sub(1).and_then(|arguments| callee(tokens, arguments)) else { return false };
    let called = tokens[name].to_string();
    let before = |back: usize| name.checked_sub(back).map(|at| tokens[at].to_string()).unwrap_or_default();
    let path = if is_path(tokens, name) { format!("{}::{called}", before(3)) } else { String::new() };
    let method = if before(1) == "." { format!("{}.{called}", before(2)) } else { String::new() };
    names.any(|wanted| *wanted == "*" || [&called, &path, &method].contains(&wanted))
}

/// The end of the item that begins at `at`.
pub(crate) fn body(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let length = tokens[at..].iter().position(|token| is_group(Some(token), Delimiter::Brace))?;
    Some(at + length + 1)
}

/// Where the expression begins that is a call which ends before `end`; none if it is something else.
pub(crate) fn call(tokens: &[TokenTree], end: usize) -> Option<usize> {
    let last = end.checked_sub(1)?;
    callee(tokens, last)?;
    let mut at = last;
    loop {
        at = match &tokens[at] {
            TokenTree::Group(_) => match primary(tokens, at) {
                Some(before) => before,
                None => return Some(at),
            },
            TokenTree::Punct(punct) if punct.as_char() == '?' => at.checked_sub(1)?,
            TokenTree::Punct(punct) if punct.as_char() == '>' => opening(tokens, at)?.checked_sub(3)?,
            _ => match at.checked_sub(1) {
                Some(point) if is_punct(tokens.get(point), '.') => point.checked_sub(1)?,
                Some(_) if is_path(tokens, at) => at.checked_sub(3)?,
                _ => return Some(at),
            },
        };
    }
}

/// Whether `::` stands before it.
fn is_path(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |back| at.checked_sub(back).is_some_and(|at| is_punct(tokens.get(at), ':'));
    is_colon(1) && is_colon(2)
}

/// What a group belongs to as arguments or as an index; none if it stands alone.
fn primary(tokens: &[TokenTree], group: usize) -> Option<usize> {
    let before = group.checked_sub(1)?;
    match &tokens[before] {
        TokenTree::Ident(word) => (!KEYWORDS.iter().any(|keyword| word == keyword)).then_some(before),
        TokenTree::Punct(punct) if punct.as_char() == '!' => {
            before.checked_sub(1).filter(|name| matches!(tokens[*name], TokenTree::Ident(_)))
        }
        TokenTree::Punct(punct) => matches!(punct.as_char(), '?' | '>').then_some(before),
        TokenTree::Group(_) => Some(before),
        TokenTree::Literal(_) => None,
    }
}

/// The name of what is called with the arguments at `arguments`.
pub(crate) fn callee(tokens: &[TokenTree], arguments: usize) -> Option<usize> {
    if !is_group(tokens.get(arguments), Delimiter::Parenthesis) {
        return None;
    }
    let mut name = arguments.checked_sub(1)?;
    if is_punct(tokens.get(name), '>') {
        name = opening(tokens, name)?.checked_sub(3)?;
    }
    let word =
        matches!(&tokens[name], TokenTree::Ident(word) if !KEYWORDS.iter().any(|keyword| word == keyword));
    word.then_some(name)
}

/// The `<` of the `>` at `at`.
fn opening(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let mut depth = 0;
    (0..=at).rev().find(|at| {
        depth += i32::from(is_punct(tokens.get(*at), '>')) - i32::from(is_punct(tokens.get(*at), '<'));
        depth == 0
    })
}
