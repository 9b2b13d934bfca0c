//! The functions of an async module once more, for a thread that waits: the same names, and through the one bridge.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::{FnArg, Item, ItemFn, Visibility, spanned::Spanned};

use super::{
    tokens::{Result, read, refuse},
    uses::{self, Leaf},
};

/// A module of which there is a twin.
pub(crate) struct Module<'a> {
    /// As a path in the crate, such as `data::documents`.
    pub(crate) path: &'a str,
    /// The functions that are wanted; all of them where none is named.
    pub(crate) functions: &'a [String],
    /// Modules in it that have a twin too.
    pub(crate) inner: &'a [String],
}

pub(crate) fn twin(text: &str, module: &Module<'_>) -> Result<String> {
    let file = match syn::parse_file(text) {
        Ok(file) => file,
        Err(error) => return refuse(error.span(), format!("this is not Rust: {error}")),
    };
    let functions: Vec<&ItemFn> = file.items.iter().filter_map(|item| wanted(item, module)).collect();
    if let Some(missing) =
        module.functions.iter().find(|name| !functions.iter().any(|found| found.sig.ident == *name))
    {
        return refuse(file.span(), format!("there is no public async function `{missing}`"));
    }
    let mut words = BTreeSet::new();
    functions.iter().for_each(|function| collect(&tokens_of(text, function), &mut words));
    let path: Vec<String> = ["crate"].into_iter().chain(module.path.split("::")).map(str::to_owned).collect();
    let mut twin = format!("//! `{}`, for a thread that waits.\n\n", module.path.replace("::", "/"));
    module.inner.iter().for_each(|inner| twin.push_str(&format!("pub mod {inner};\n")));
    twin.push_str(&imports(text, module, &path, &words)?);
    for function in functions {
        twin.push('\n');
        twin.push_str(&print(text, function)?);
    }
    Ok(twin)
}

fn wanted<'a>(item: &'a Item, module: &Module<'_>) -> Option<&'a ItemFn> {
    let Item::Fn(function) = item else { return None };
    let name = function.sig.ident.to_string();
    let is_wanted = module.functions.is_empty() || module.functions.contains(&name);
    let is_offered = matches!(function.vis, Visibility::Public(_)) && function.sig.asyncness.is_some();
    (is_wanted && is_offered).then_some(function)
}

/// From `fn` to the body.
fn head<'a>(text: &'a str, function: &ItemFn) -> &'a str {
    let begin = function.sig.fn_token.span().byte_range().start;
    text[begin..function.block.span().byte_range().start].trim_end()
}

fn tokens_of(text: &str, function: &ItemFn) -> TokenStream {
    head(text, function).parse().unwrap_or_default()
}

fn collect(tokens: &TokenStream, words: &mut BTreeSet<String>) {
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(word) => drop(words.insert(word.to_string())),
            TokenTree::Group(group) => collect(&group.stream(), words),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// What the signatures name and the module itself does not define.
fn imports(text: &str, module: &Module<'_>, path: &[String], words: &BTreeSet<String>) -> Result<String> {
    let used = uses::all(&read(text)?);
    let is_needed = |leaf: &&Leaf| leaf.name() != "_" && words.contains(leaf.name());
    let needed = used.iter().filter(is_needed).map(|leaf| absolute(leaf, path));
    let foreign = needed.filter(|leaf| !leaf.path.starts_with(path));
    let (mut inner, mut outer): (Vec<Leaf>, Vec<Leaf>) = foreign.partition(|leaf| leaf.path[0] == "crate");
    let of = |path: &str, rename: Option<&str>| Leaf {
        path: path.split("::").map(str::to_owned).collect(),
        rename: rename.map(str::to_owned),
    };
    inner.push(of(&path.join("::"), Some("rows")));
    inner.push(of("crate::threads::wait", None));
    outer.sort();
    let (of_std, others): (Vec<Leaf>, Vec<Leaf>) = outer.into_iter().partition(|leaf| leaf.path[0] == "std");
    let line = |leaves: &[Leaf]| match leaves {
        [] => String::new(),
        leaves => format!("use {};\n", uses::print(leaves)),
    };
    let others: String = others.iter().map(|leaf| line(std::slice::from_ref(leaf))).collect();
    let types = format!("pub use crate::{}::*;\n", module.path);
    Ok(format!("\n{}\n{others}\n{types}{}", line(&of_std), line(&inner)))
}

/// The leaf from the crate's root on, as the module at `path` means it.
fn absolute(leaf: &Leaf, path: &[String]) -> Leaf {
    let ups = leaf.path.iter().take_while(|part| *part == "super").count();
    let base: &[String] = match leaf.path.first().map(String::as_str) {
        Some("super") => &path[..path.len() - ups],
        Some("self") => path,
        _ => &[],
    };
    let rest = if leaf.path[0] == "self" { &leaf.path[1..] } else { &leaf.path[ups..] };
    Leaf { path: [base, rest].concat(), rename: leaf.rename.clone() }
}

fn print(text: &str, function: &ItemFn) -> Result<String> {
    let docs = function.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let docs: String = docs.map(|doc| format!("{}\n", &text[doc.span().byte_range()])).collect();
    let arguments: Result<Vec<&str>> =
        function.sig.inputs.iter().map(|input| argument(text, input)).collect();
    let (name, arguments) = (&function.sig.ident, arguments?.join(", "));
    Ok(format!("{docs}pub {} {{\n    wait(rows::{name}({arguments}))\n}}\n", head(text, function)))
}

/// The pattern of an argument, which is an expression too.
fn argument<'a>(text: &'a str, input: &FnArg) -> Result<&'a str> {
    match input {
        FnArg::Typed(typed) => Ok(text[typed.pat.span().byte_range()].trim_start_matches("mut ")),
        FnArg::Receiver(receiver) => refuse(receiver.span(), "a method has no twin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "//! Rows.

use sqlx::Row as _;
use uuid::Uuid;

use super::{connection::Connection, dialect::now_ms, error::Error};

pub struct Document<'a>(&'a ());

/// Adds it.
pub async fn insert(connection: &mut Connection, (id, version): (Uuid, i64), document: &Document<'_>) -> Result<(), Error> {
    connection.execute(now_ms!()).await
}

pub async fn other() {}

async fn private() {}
";

    #[test]
    fn each_function_is_offered_blocking() {
        let functions = ["insert".to_owned()];
        let made = twin(SOURCE, &Module { path: "data::documents", functions: &functions, inner: &[] });
        let expected = "//! `data/documents`, for a thread that waits.



use uuid::Uuid;

pub use crate::data::documents::*;
use crate::{data::{connection::Connection, documents as rows, error::Error}, threads::wait};

/// Adds it.
pub fn insert(connection: &mut Connection, (id, version): (Uuid, i64), document: &Document<'_>) -> Result<(), Error> {
    wait(rows::insert(connection, (id, version), document))
}
";
        assert_eq!(made.expect("a twin"), expected);
    }

    #[test]
    fn a_function_that_is_not_there_is_refused() {
        let functions = ["private".to_owned()];
        let made = twin(SOURCE, &Module { path: "data::documents", functions: &functions, inner: &[] });
        assert!(made.expect_err("refused").why.contains("`private`"));
    }
}
