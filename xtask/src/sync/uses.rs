//! What a derived file uses: modules and types that have a blocking form are taken from where that stands.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use proc_macro2::{Delimiter, Group, Span, TokenTree};

use super::tokens::{Edits, Result, bytes, is_group, is_ident, is_punct, refuse};

const WAIT: &str = "threads::wait";

/// From and to where modules, types and functions have moved, as paths in the crate; from other crates, too.
pub(crate) type Moved<'a> = BTreeMap<&'a str, &'a str>;

/// One thing that is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leaf {
    /// Ends with `self` where that is what is named.
    pub(crate) path: Vec<String>,
    pub(crate) rename: Option<String>,
}

impl Leaf {
    fn of(path: &str) -> Self {
        Self { path: path.split("::").map(str::to_owned).collect(), rename: None }
    }

    /// As code calls it.
    pub(crate) fn name(&self) -> &str {
        let last = self.path.iter().rfind(|part| *part != "self");
        self.rename.as_deref().or(last.map(String::as_str)).unwrap_or_default()
    }

    fn moved(&self, moved: &Moved<'_>) -> Option<Self> {
        let path = self.path.strip_prefix(&["crate".to_owned()])?;
        let (length, to) = (1..=path.len())
            .rev()
            .find_map(|length| Some((length, moved.get(path[..length].join("::").as_str())?)))?;
        let new = ["crate"].into_iter().chain(to.split("::")).map(str::to_owned);
        let path = new.chain(path[length..].iter().cloned()).collect();
        Some(Self { path, rename: self.rename.clone() })
    }
}

/// Rewrites every `use`, and adds what has moved into the crate, and the bridge's `wait` where it is needed.
pub(crate) fn rewrite(
    text: &str,
    tokens: &[TokenTree],
    moved: &Moved<'_>,
    needs_wait: bool,
    edits: &mut Edits,
) -> Result<()> {
    each_use(tokens, &mut |item| change(text, item, moved, edits))?;
    let mut added = taken_in(text, tokens, moved, edits)?;
    if needs_wait {
        added.push(Leaf::of(WAIT));
    }
    if added.is_empty() {
        return Ok(());
    }
    let added = print(&added);
    let Some(of_crate) = items(tokens).into_iter().find(|item| is_ident(item.first(), "crate")) else {
        return match tokens.first() {
            Some(first) => {
                refuse(first.span(), format!("it uses nothing of `crate` to which {added} can be added"))
            }
            None => Ok(()),
        };
    };
    match of_crate.last() {
        Some(TokenTree::Group(group)) if of_crate.len() == 4 => {
            let end = group.span_close().byte_range().start;
            let before = text[..end].trim_end();
            let comma = if before.ends_with([',', '{']) { "" } else { "," };
            edits.insert(end, &format!("{comma}{added},\n"));
        }
        _ => {
            edits.insert(bytes(&of_crate[3]).start, "{");
            edits.insert(bytes(&of_crate[of_crate.len() - 1]).end, &format!(", {added}}}"));
        }
    }
    Ok(())
}

/// What has moved into the crate from others, and is not taken from there any more.
fn taken_in(text: &str, tokens: &[TokenTree], moved: &Moved<'_>, edits: &mut Edits) -> Result<Vec<Leaf>> {
    let mut all = Vec::new();
    for item in items(tokens) {
        let target = |leaf: &Leaf| moved.get(leaf.path.join("::").as_str()).map(|path| Leaf::of(path));
        let (taken, left): (Vec<Leaf>, Vec<Leaf>) =
            leaves(item, &[]).into_iter().partition(|leaf| target(leaf).is_some());
        if taken.is_empty() {
            continue;
        }
        let range = range(item);
        if taken.iter().any(|leaf| leaf.rename.is_some()) || text[range.clone()].contains("//") {
            return refuse(item[0].span(), "what has moved into the crate has another name, or a comment");
        }
        if left.is_empty() {
            let begin = text[..range.start].rfind("use").unwrap_or(range.start);
            edits.replace(begin..range.end + 1, String::new());
        } else {
            edits.replace(range, print(&left));
        }
        all.extend(taken.iter().filter_map(target));
    }
    Ok(all)
}

/// Adds paths to what is used of their crates. Something of `service` is used already.
pub(crate) fn add(
    text: &str,
    tokens: &[TokenTree],
    paths: &BTreeSet<&'static str>,
    edits: &mut Edits,
) -> Result<()> {
    let items = items(tokens);
    let of = |name: &str| items.iter().copied().find(|item| is_ident(item.first(), name));
    for name in ["service", "tokio"] {
        let wanted = paths.iter().filter(|path| path.split("::").next() == Some(name));
        let wanted: Vec<Leaf> = wanted.map(|path| Leaf::of(path)).collect();
        match (of(name), of("service")) {
            _ if wanted.is_empty() => {}
            (Some(item), _) if text[range(item)].contains("//") => {
                return refuse(item[0].span(), "a comment or a tag stands among what something is added to");
            }
            (Some(item), _) => {
                let all: BTreeSet<Leaf> = leaves(item, &[]).into_iter().chain(wanted).collect();
                edits.replace(range(item), print(&all.into_iter().collect::<Vec<_>>()));
            }
            (None, Some(service)) => {
                edits.insert(range(service).end + 1, &format!("\nuse {};", print(&wanted)));
            }
            // It is there already: all that the module above uses is used here.
            (None, None) if of("super").is_some_and(|item| item[item.len() - 1].to_string() == "*") => {}
            (None, None) => return refuse(Span::call_site(), "a test that uses nothing of `service`"),
        }
    }
    Ok(())
}

/// The tokens of each `use` in `tokens`, after the word and before the semicolon.
fn items(tokens: &[TokenTree]) -> Vec<&[TokenTree]> {
    let begins = (0..tokens.len()).filter(|at| is_ident(tokens.get(*at), "use"));
    let items = begins.filter_map(|at| {
        let rest = &tokens[at + 1..];
        Some(&rest[..rest.iter().position(|token| is_punct(Some(token), ';'))?])
    });
    items.collect()
}

fn each_use(tokens: &[TokenTree], act: &mut impl FnMut(&[TokenTree]) -> Result<()>) -> Result<()> {
    for item in items(tokens) {
        act(item)?;
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            each_use(&inner, act)?;
        }
    }
    Ok(())
}

/// Rewrites what `crate::data::…` is, for any `data`, if something of it has moved.
fn change(text: &str, item: &[TokenTree], moved: &Moved<'_>, edits: &mut Edits) -> Result<()> {
    if !is_ident(item.first(), "crate") {
        return Ok(());
    }
    let trees = match item.last() {
        Some(TokenTree::Group(group)) if item.len() == 4 => split(group),
        _ => vec![item[3..].to_vec()],
    };
    for tree in trees.iter().filter(|tree| tree.len() > 3) {
        let module = ["crate".to_owned(), tree[0].to_string()];
        let rest = &tree[3..];
        let leaves = leaves(rest, &module);
        if leaves.iter().all(|leaf| leaf.moved(moved).is_none()) {
            continue;
        }
        let range = range(rest);
        if text[range.clone()].contains("//") {
            return refuse(rest[0].span(), "a comment or a tag stands among what has moved");
        }
        let leaves = leaves.iter().map(|leaf| leaf.moved(moved).unwrap_or_else(|| leaf.clone()));
        let below = leaves.map(|leaf| Leaf { path: leaf.path[2..].to_vec(), ..leaf });
        edits.replace(range, print(&below.collect::<Vec<_>>()));
    }
    Ok(())
}

fn range(tokens: &[TokenTree]) -> Range<usize> {
    let end = tokens.last().map_or(0, |last| bytes(last).end);
    tokens.first().map_or(0, |first| bytes(first).start)..end
}

/// What stands between the commas of a group.
fn split(group: &Group) -> Vec<Vec<TokenTree>> {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let trees = tokens.split(|token| is_punct(Some(token), ','));
    trees.filter(|tree| !tree.is_empty()).map(<[_]>::to_vec).collect()
}

/// Everything that a tree of a `use` names.
pub(crate) fn leaves(tree: &[TokenTree], prefix: &[String]) -> Vec<Leaf> {
    let Some(first) = tree.first() else { return Vec::new() };
    if let TokenTree::Group(group) = first {
        return split(group).iter().flat_map(|tree| leaves(tree, prefix)).collect();
    }
    let path = [prefix, &[first.to_string()]].concat();
    if is_punct(tree.get(1), ':') {
        return leaves(&tree[3..], &path);
    }
    let rename = is_ident(tree.get(1), "as").then(|| tree.get(2).map(ToString::to_string));
    vec![Leaf { path, rename: rename.flatten() }]
}

/// Leaves as one tree; they have no more than that in common which they are printed with.
pub(crate) fn print(leaves: &[Leaf]) -> String {
    let mut by_first: BTreeMap<&str, Vec<Leaf>> = BTreeMap::new();
    for leaf in leaves {
        let below = Leaf { path: leaf.path[1..].to_vec(), rename: leaf.rename.clone() };
        by_first.entry(&leaf.path[0]).or_default().push(below);
    }
    let trees: Vec<String> = by_first.iter().flat_map(|(first, below)| tree(first, below)).collect();
    match trees.as_slice() {
        [tree] => tree.clone(),
        _ => format!("{{{}}}", trees.join(", ")),
    }
}

fn tree(first: &str, below: &[Leaf]) -> Vec<String> {
    let mut trees = Vec::new();
    let mut deeper = Vec::new();
    for leaf in below {
        let rename = leaf.rename.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
        match leaf.path.as_slice() {
            [] => trees.push(format!("{first}{rename}")),
            [itself] if itself == "self" && below.len() == 1 => trees.push(format!("{first}{rename}")),
            _ => deeper.push(leaf.clone()),
        }
    }
    if !deeper.is_empty() {
        trees.push(format!("{first}::{}", print(&deeper)));
    }
    trees
}

/// Everything that a file uses, with what is private to it.
pub(crate) fn all(tokens: &[TokenTree]) -> Vec<Leaf> {
    items(tokens)
        .into_iter()
        .filter(|item| !is_group(item.first(), Delimiter::Brace))
        .flat_map(|item| leaves(item, &[]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::read, *};

    fn rewritten(text: &str, needs_wait: bool) -> String {
        let tokens = read(text).expect("Rust");
        let mut edits = Edits::default();
        let moved = Moved::from([
            ("data::documents", "data::blocking::documents"),
            ("data::c::T", "data::blocking::c::T"),
            ("time::sleep", "threads::sleep"),
        ]);
        rewrite(text, &tokens, &moved, needs_wait, &mut edits).expect("rewritten");
        edits.apply(text)
    }

    #[test]
    fn what_has_moved_is_taken_from_there() {
        assert_eq!(
            rewritten(
                "use crate::{a::B, data::{c::{H, T}, documents::{self as rows, D}, error::E}};\n",
                false
            ),
            "use crate::{a::B, data::{blocking::{c::T, documents::{D, self as rows}}, c::H, error::E}};\n"
        );
        assert_eq!(
            rewritten("pub use crate::data::documents::{self};\n", false),
            "pub use crate::data::blocking::documents;\n"
        );
        let text = "use crate::{data::error::E, documents::X};\n";
        assert_eq!(rewritten(text, false), text);
        assert_eq!(
            rewritten("mod m {\n    use crate::data::documents as rows;\n}\n", false),
            "mod m {\n    use crate::data::blocking::documents as rows;\n}\n"
        );
    }

    #[test]
    fn the_bridge_is_added_once() {
        assert_eq!(rewritten("use crate::{a, b};\n", true), "use crate::{a, b,threads::wait,\n};\n");
        assert_eq!(rewritten("use crate::a::{b, c};\n", true), "use crate::{a::{b, c}, threads::wait};\n");
    }

    #[test]
    fn what_has_moved_into_the_crate_is_taken_from_there() {
        assert_eq!(
            rewritten("use time::{A, sleep};\nuse crate::a::{b, c};\n", true),
            "use time::A;\nuse crate::{a::{b, c}, threads::{sleep, wait}};\n"
        );
        assert_eq!(
            rewritten("use time::sleep;\nuse crate::{a, b};\n", false),
            "\nuse crate::{a, b,threads::sleep,\n};\n"
        );
    }

    #[test]
    fn a_comment_is_never_lost() {
        let text = "use crate::data::{\n    // Why.\n    documents,\n};\n";
        let moved = Moved::from([("data::documents", "data::blocking::documents")]);
        let tokens = read(text).expect("Rust");
        let refused = rewrite(text, &tokens, &moved, false, &mut Edits::default());
        assert_eq!(refused.expect_err("refused").line, 1);
    }
}
