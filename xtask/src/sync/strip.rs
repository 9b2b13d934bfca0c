//! An async source as the straight-line one that it is, told without `async` and `.await`. What has no straight-line
//! form, such as an async block, is refused: the source is to be written in another way.

use std::{collections::BTreeSet, ops::Range};

use proc_macro2::{Group, TokenTree};
use serde::Deserialize;

use super::{
    calls::{body, call, is_one_of},
    tokens::{Edits, Refusal, Result, bytes, is_ident, is_punct, read, refuse},
    uses::{self, Moved},
};

/// How one source is stripped.
#[derive(Default)]
pub(crate) struct Manner<'a> {
    /// Calls that stay async and are waited for: `name`, `module::name`, or `*` for all of the file.
    pub(crate) waits: &'a [String],
    /// Functions that stay async.
    pub(crate) keeps: &'a [String],
    /// Modules and types that stand elsewhere.
    pub(crate) moved: Moved<'a>,
    /// Of a test, which stays async and calls what is not any more.
    pub(crate) test: Option<&'a Test>,
}

/// What is not async in a test that is.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Test {
    /// Functions that are told straight.
    straight: Vec<String>,
    /// Handlers that are mounted, by their names there.
    handlers: Vec<String>,
    /// Calls that block: `name`, `module::name` or `value.name`.
    blocks: Vec<String>,
}

/// Extractors run on the edge, so these stay async.
const KEPT_TRAITS: [&str; 2] = ["FromRequestParts", "FromRequest"];

/// What a handler is mounted with.
const METHODS: [&str; 6] = ["any", "delete", "get", "patch", "post", "put"];

const CLOSURES: [(&str, &str); 3] = [("AsyncFnOnce", "FnOnce"), ("AsyncFnMut", "FnMut"), ("AsyncFn", "Fn")];

/// What has no straight-line form.
const REFUSED: [&str; 6] = ["select", "join", "try_join", "spawn", "Future", "Pin"];

pub(crate) fn strip(text: &str, manner: &Manner<'_>) -> Result<String> {
    let tokens = read(text)?;
    let is_straight = manner.test.is_none();
    let mut strip = Strip { text, manner, edits: Edits::default(), calls: BTreeSet::new(), is_straight };
    strip.walk(&tokens)?;
    let Strip { mut edits, calls, .. } = strip;
    if is_straight {
        uses::rewrite(text, &tokens, &manner.moved, !calls.is_empty(), &mut edits)?;
    } else {
        uses::add(text, &tokens, &calls, &mut edits)?;
    }
    examples(&edits.apply(text))
}

/// The same for the examples in documentation.
fn examples(text: &str) -> Result<String> {
    let mut stripped = String::with_capacity(text.len());
    // The lines of an example so far, and what they begin with.
    let mut example: Option<(usize, &str, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start();
        let prefix = ["//!", "///"].into_iter().find(|prefix| code.starts_with(prefix));
        let fence = prefix.and_then(|prefix| code[prefix.len()..].trim_start().strip_prefix("```"));
        let is_fence = fence.is_some_and(|kind| example.is_some() || is_rust(kind));
        match (&mut example, prefix) {
            (Some((_, begin, lines)), Some(prefix)) if !is_fence => {
                *begin = &line[..line.len() - code.len() + prefix.len()];
                lines.push_str(&code[prefix.len()..]);
                lines.push('\n');
                continue;
            }
            (Some((first, begin, lines)), _) => {
                let code = strip(lines, &Manner::default())
                    .map_err(|refusal| Refusal { line: *first + refusal.line, ..refusal })?;
                code.lines().for_each(|line| stripped.push_str(&format!("{begin}{line}\n")));
                example = None;
            }
            (None, _) if is_fence => example = Some((number + 1, "", String::new())),
            (None, _) => {}
        }
        stripped.push_str(line);
        stripped.push('\n');
    }
    Ok(stripped)
}

/// Whether an example of this kind is Rust, as rustdoc sees it.
fn is_rust(kind: &str) -> bool {
    kind.is_empty()
        || ["rust", "compile_fail", "no_run", "should_panic"].into_iter().any(|known| kind.starts_with(known))
}

struct Strip<'a> {
    text: &'a str,
    manner: &'a Manner<'a>,
    edits: Edits,
    /// What is called that was not before.
    calls: BTreeSet<&'static str>,
    /// What is walked through now is no test.
    is_straight: bool,
}

impl Strip<'_> {
    fn walk(&mut self, tokens: &[TokenTree]) -> Result<()> {
        let mut at = 0;
        while at < tokens.len() {
            if let Some(end) = kept_impl(tokens, at).or_else(|| self.kept_fn(tokens, at)) {
                at = end;
                continue;
            }
            if let Some(end) = self.straight_fn(tokens, at) {
                self.is_straight = true;
                self.walk(&tokens[at..end])?;
                self.is_straight = false;
                at = end;
                continue;
            }
            match &tokens[at] {
                TokenTree::Group(group) if group.to_string() == "[tokio :: test]" => {
                    self.edits.replace(group.span().byte_range(), self.test());
                }
                TokenTree::Group(group) => {
                    self.walk(&group.stream().into_iter().collect::<Vec<_>>())?;
                }
                TokenTree::Ident(ident) if self.is_straight => self.word(&ident.to_string(), tokens, at)?,
                TokenTree::Ident(ident) => self.word_of_test(&ident.to_string(), tokens, at)?,
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &str, tokens: &[TokenTree], at: usize) -> Result<()> {
        let span = tokens[at].span();
        match word {
            "async" => self.marker(tokens, at),
            "await" if at > 0 && is_punct(tokens.get(at - 1), '.') => self.wait(tokens, at),
            _ if REFUSED.contains(&word) => {
                refuse(span, format!("`{word}` has no straight-line form: it belongs to the edge"))
            }
            _ => {
                if let Some((_, plain)) = CLOSURES.iter().find(|(closure, _)| *closure == word) {
                    self.edits.replace(span.byte_range(), *plain);
                }
                Ok(())
            }
        }
    }

    fn word_of_test(&mut self, word: &str, tokens: &[TokenTree], at: usize) -> Result<()> {
        let test = self.manner.test.into_iter();
        if word == "await" && at > 0 && is_punct(tokens.get(at - 1), '.') {
            let blocks = test.flat_map(|test| &test.blocks);
            if is_one_of(blocks, tokens, at - 1) {
                self.calls.insert("tokio::task::block_in_place");
                return self.wrap(tokens, at, "block_in_place(|| ");
            }
        } else if METHODS.contains(&word)
            && let Some(TokenTree::Group(arguments)) = tokens.get(at + 1)
        {
            let first = arguments.stream().into_iter().next();
            let mut handlers = test.flat_map(|test| &test.handlers);
            if handlers.any(|handler| is_ident(first.as_ref(), handler)) {
                self.calls.insert("service::edge::endpoint::on_a_thread");
                self.edits.insert(arguments.span_open().byte_range().end, "on_a_thread(");
                self.edits.insert(arguments.span_close().byte_range().start, ")");
            }
        }
        Ok(())
    }

    /// How a test is marked: one that blocks needs a thread for that.
    fn test(&self) -> &'static str {
        match self.manner.test {
            None => "[test]",
            Some(_) => "[tokio::test(flavor = \"multi_thread\")]",
        }
    }

    /// The end of a function of a test that is told straight.
    fn straight_fn(&self, tokens: &[TokenTree], at: usize) -> Option<usize> {
        let test = self.manner.test.filter(|_| !self.is_straight)?;
        let name = (is_ident(tokens.get(at), "async") && is_ident(tokens.get(at + 1), "fn"))
            .then(|| tokens.get(at + 2))??
            .to_string();
        test.straight.contains(&name).then(|| body(tokens, at))?
    }

    /// `async` before a function or a closure goes.
    fn marker(&mut self, tokens: &[TokenTree], at: usize) -> Result<()> {
        let is_closure = |at| is_punct(tokens.get(at), '|');
        let next = at + 1;
        let is_closure = is_closure(next) || is_ident(tokens.get(next), "move") && is_closure(next + 1);
        if !is_closure && !is_ident(tokens.get(next), "fn") {
            return refuse(tokens[at].span(), "an async block has no straight-line form: make it a function");
        }
        self.edits.replace(bytes(&tokens[at]).start..bytes(&tokens[next]).start, "");
        Ok(())
    }

    /// `.await` after a call goes, or the call is waited for. So does the box of a call that is awaited in one: it is for
    /// the room that a future takes.
    fn wait(&mut self, tokens: &[TokenTree], at: usize) -> Result<()> {
        if let Some((begin, boxed)) = boxed(tokens, at - 1) {
            return self.unbox(begin, boxed, &tokens[at]);
        }
        if !is_one_of(self.manner.waits.iter(), tokens, at - 1) {
            return self.wrap(tokens, at, "");
        }
        self.calls.insert("service::threads::wait");
        self.wrap(tokens, at, "wait(")
    }

    /// Only the call stays of `Box::pin(call()).await`, which begins with `begin`, or that it is waited for.
    fn unbox(&mut self, begin: &TokenTree, boxed: &Group, end: &TokenTree) -> Result<()> {
        let inner: Vec<TokenTree> = boxed.stream().into_iter().collect();
        if call(&inner, inner.len()) != Some(0) {
            return refuse(
                boxed.span(),
                "in a box that is awaited there must be a call: the order would be another",
            );
        }
        let is_waited_for = is_one_of(self.manner.waits.iter(), &inner, inner.len());
        let (before, after) = if is_waited_for { ("wait(", ")") } else { ("", "") };
        if is_waited_for {
            self.calls.insert("service::threads::wait");
        }
        self.edits.replace(why_boxed(self.text, bytes(begin).start), "");
        let (open, close) = (boxed.span_open().byte_range(), boxed.span_close().byte_range());
        self.edits.replace(bytes(begin).start..open.end, before);
        self.edits.replace(close.start..bytes(end).end, after);
        Ok(())
    }

    /// The `.await` goes, and what is before it stands in `around`.
    fn wrap(&mut self, tokens: &[TokenTree], at: usize, around: &str) -> Result<()> {
        let point = at - 1;
        let Some(begin) = call(tokens, point) else {
            return refuse(tokens[at].span(), "`.await` must follow a call: the order would be another");
        };
        let before = bytes(&tokens[point - 1]).end;
        let gap = &self.text[before..bytes(&tokens[point]).start];
        let from = if gap.trim().is_empty() { before } else { bytes(&tokens[point]).start };
        self.edits.replace(from..bytes(&tokens[at]).end, if around.is_empty() { "" } else { ")" });
        self.edits.insert(bytes(&tokens[begin]).start, around);
        Ok(())
    }

    /// The end of a function that stays async.
    fn kept_fn(&self, tokens: &[TokenTree], at: usize) -> Option<usize> {
        let name = (is_ident(tokens.get(at), "async") && is_ident(tokens.get(at + 1), "fn"))
            .then(|| tokens.get(at + 2))??
            .to_string();
        self.manner.keeps.contains(&name).then(|| body(tokens, at))?
    }
}

/// The lines of the comment that says why there is the box at `at`: it stands above, and begins with `In a box`.
fn why_boxed(text: &str, at: usize) -> Range<usize> {
    let end = text[..at].rfind('\n').map_or(0, |line_feed| line_feed + 1);
    let mut begin = end;
    for line in text[..end].split_inclusive('\n').rev() {
        let code = line.trim_start();
        if !code.starts_with("// ") {
            break;
        }
        begin -= line.len();
        if code.starts_with("// In a box") {
            return begin..end;
        }
    }
    end..end
}

/// Where a `Box::pin(…)` that ends before `end` begins, and what is in it.
fn boxed(tokens: &[TokenTree], end: usize) -> Option<(&TokenTree, &Group)> {
    let arguments = end.checked_sub(1)?;
    let begin = arguments.checked_sub(4)?;
    let is_pin = is_ident(tokens.get(begin), "Box")
        && is_punct(tokens.get(begin + 1), ':')
        && is_punct(tokens.get(begin + 2), ':')
        && is_ident(tokens.get(begin + 3), "pin");
    match &tokens[arguments] {
        TokenTree::Group(group) if is_pin => Some((&tokens[begin], group)),
        _ => None,
    }
}

/// The end of an implementation that stays async.
fn kept_impl(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let end = is_ident(tokens.get(at), "impl").then(|| body(tokens, at))??;
    let head = &tokens[at..end];
    let place = head.iter().position(|token| is_ident(Some(token), "for"))?;
    let is_kept = |name| head[..place].iter().any(|token| is_ident(Some(token), name));
    KEPT_TRAITS.into_iter().any(is_kept).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> String {
        strip(text, &Manner::default()).expect("it has a straight-line form")
    }

    fn waited(text: &str, waits: &[&str]) -> String {
        let waits: Vec<String> = waits.iter().map(|wait| (*wait).to_owned()).collect();
        strip(text, &Manner { waits: &waits, ..Manner::default() }).expect("it has a straight-line form")
    }

    fn refused(text: &str) -> (usize, String) {
        let refusal = strip(text, &Manner::default()).expect_err("refused");
        (refusal.line, refusal.why)
    }

    #[test]
    fn functions_closures_and_calls_are_told_straight() {
        assert_eq!(
            stripped("pub async fn get(a: A) -> B {\n    find(a)\n        .await?\n        .b()\n}\n"),
            "pub fn get(a: A) -> B {\n    find(a)?\n        .b()\n}\n"
        );
        assert_eq!(
            stripped("fn f() { let a = Box::pin(a::b(c().await))\n        .await?; }\n"),
            "fn f() { let a = a::b(c())?; }\n"
        );
        assert_eq!(
            stripped(
                "fn f() {\n    // Why.\n    // In a box:\n    // it is large.\n    Box::pin(a()).await;\n}\n"
            ),
            "fn f() {\n    // Why.\n    a();\n}\n"
        );
        assert_eq!(
            stripped("fn f() { once(async |a| go(a).await, async move || b()).await; }\n"),
            "fn f() { once(|a| go(a), move || b()); }\n"
        );
        assert_eq!(
            stripped("fn f<F: AsyncFnOnce(&mut T) -> R>() {}\n"),
            "fn f<F: FnOnce(&mut T) -> R>() {}\n"
        );
        assert_eq!(stripped("#[tokio::test]\nasync fn t() {}\n"), "#[test]\nfn t() {}\n");
    }

    #[test]
    fn macros_are_seen_into() {
        assert_eq!(
            stripped("fn f() { json!({ \"a\": purge(c).await? }); }\n"),
            "fn f() { json!({ \"a\": purge(c)? }); }\n"
        );
    }

    #[test]
    fn prose_and_layout_stay() {
        let text = "//! They await, async.\n\n// .await\nfn f() {\n    let s = \".await\"; // async\n\n    g();\n}\n";
        assert_eq!(stripped(text), text);
    }

    #[test]
    fn examples_in_documentation_are_told_straight_too() {
        assert_eq!(
            stripped(
                "//! Async.\n//! ```\n//! # use a::B;\n//! async fn f() { b().await }\n//! ```\n//! async\nfn f() {}\n"
            ),
            "//! Async.\n//! ```\n//! # use a::B;\n//! fn f() { b() }\n//! ```\n//! async\nfn f() {}\n"
        );
    }

    #[test]
    fn what_runs_on_the_edge_stays() {
        let text = "impl<S: Send> FromRequestParts<S> for Id {\n    async fn f() { a().await }\n}\n";
        assert_eq!(stripped(text), text);
        let keeps = ["start".to_owned()];
        let text = "pub async fn start() { a().await }\n";
        assert_eq!(strip(text, &Manner { keeps: &keeps, ..Manner::default() }), Ok(text.to_owned()));
    }

    #[test]
    fn calls_that_stay_async_are_waited_for() {
        let begin = "use crate::a::b;\n";
        let end = "use crate::{a::b, threads::wait};\n";
        for (text, waits, expected) in [
            (
                "fn f() { let x = &mut *self.a.read(b).await?; }",
                "read",
                "fn f() { let x = &mut *wait(self.a.read(b))?; }",
            ),
            ("fn f() { return a::b::<C>(d()).await }", "*", "fn f() { return wait(a::b::<C>(d())) }"),
            ("fn f() { a && b::ended(c).await? }", "b::ended", "fn f() { a && wait(b::ended(c))? }"),
            (
                "fn f() { a(b).await?.c()?[1].d(e!()).await }",
                "*",
                "fn f() { wait(wait(a(b))?.c()?[1].d(e!())) }",
            ),
            ("fn f() { match (a).b().await {} }", "b", "fn f() { match wait((a).b()) {} }"),
            ("fn f() { Box::pin(a.b(c)).await?.d() }", "b", "fn f() { wait(a.b(c))?.d() }"),
        ] {
            assert_eq!(waited(&format!("{begin}{text}\n"), &[waits]), format!("{end}{expected}\n"));
        }
    }

    #[test]
    fn a_test_stays_async_and_blocks_where_it_calls_what_does() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let test = Test {
            straight: names(&["hold"]),
            handlers: names(&["hold"]),
            blocks: names(&["context.begin", "spend::reserve"]),
        };
        let text = "use service::edge::{deadline, body};

#[tokio::test]
async fn t() {
    let a = select(async { context.begin().await? }).await;
    spend::reserve(&mut a).await.b();
    route(get(hold).post(other));
}
async fn hold() { context.begin().await?.end(pending().await) }
";
        let expected = "use service::{edge::{body, deadline, endpoint::on_a_thread}, threads::wait};
use tokio::task::block_in_place;

#[tokio::test(flavor = \"multi_thread\")]
async fn t() {
    let a = select(async { block_in_place(|| context.begin())? }).await;
    block_in_place(|| spend::reserve(&mut a)).b();
    route(get(on_a_thread(hold)).post(other));
}
fn hold() { context.begin()?.end(wait(pending())) }
";
        let waits = names(&["pending"]);
        let manner = Manner { waits: &waits, test: Some(&test), ..Manner::default() };
        assert_eq!(strip(text, &manner).expect("a test"), expected);
    }

    #[test]
    fn what_has_no_straight_line_form_is_refused_where_it_stands() {
        for text in [
            "fn f() {\n    let a = async { b().await };\n}\n",
            "fn f() {\n    let a = async move { b().await };\n}\n",
            "fn f(a: A) {\n    a.await;\n}\n",
            "fn f() {\n    (a()).await;\n}\n",
            "fn f() {\n    Box::pin(a).await;\n}\n",
            "fn f() {\n    tokio::select! { () = a() => {} }\n}\n",
            "fn f() {\n    lifecycle.spawn(a());\n}\n",
            "fn f(\n    a: impl Future<Output = ()>) {}\n",
            "//! ```\n//! let a = async {};\n//! ```\nfn f() {}\n",
        ] {
            assert_eq!(refused(text).0, 2, "{text}");
        }
    }
}
