//! A project inside another Cargo workspace: a member of it, or apart from it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toml_edit::{Array, Decor, DocumentMut, Item, RawString, Table};

use crate::{
    error::{Error, Result},
    render::{Entry, LOCK, Tree},
};

const MANIFEST: &str = "Cargo.toml";

/// What the caller asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    #[default]
    None,
    Member,
    Standalone,
}

/// How a project stands to the workspace around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// There is none.
    Alone,
    /// There is one, and cargo must not take the project for a part of it.
    Standalone,
    /// A member of the workspace with this manifest.
    Member { manifest: PathBuf },
}

impl Place {
    /// Finds the place of a project that is to stand at `project`.
    pub fn find(project: &Path, wish: Wish) -> Result<Self> {
        match (workspace_around(project), wish) {
            (None, Wish::Member) => {
                Err(Error::usage("there is no Cargo workspace around this folder to be a member of")
                    .at(project, None)
                    .help("leave out --member"))
            }
            (None, _) => Ok(Self::Alone),
            (Some(_), Wish::Standalone) => Ok(Self::Standalone),
            (Some(manifest), Wish::Member) => Ok(Self::Member { manifest }),
            (Some(manifest), Wish::None) => {
                Err(Error::usage("this folder is inside another Cargo workspace")
                    .at(manifest, None)
                    .help("--member makes the project a member: one Cargo.lock and one target folder for all")
                    .help("--standalone keeps it apart, with its own"))
            }
        }
    }

    /// The place that formwork.toml names.
    pub(crate) fn recorded(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(Self::Alone),
            Some("standalone") => Some(Self::Standalone),
            // A project that is there needs no joining, and so no manifest to join.
            Some("member") => Some(Self::Member { manifest: PathBuf::new() }),
            Some(_) => None,
        }
    }

    /// How formwork.toml names it.
    pub(super) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Alone => None,
            Self::Standalone => Some("standalone"),
            Self::Member { .. } => Some("member"),
        }
    }

    /// Changes the rendered tree to what the place needs.
    pub(super) fn adapt(&self, tree: &mut Tree) -> Result<()> {
        let Some(entry) = tree.get(MANIFEST) else { return Ok(()) };
        let text = String::from_utf8_lossy(&entry.bytes).into_owned();
        match self {
            Self::Alone => Ok(()),
            Self::Standalone => {
                let apart = "\n# Apart from the workspace around this folder.\n[workspace]\n";
                tree.insert(MANIFEST, Entry::text(text + apart))
            }
            Self::Member { .. } => {
                let mut document = parse(Path::new(MANIFEST), &text)?;
                for workspace_level in ["profile", "patch", "replace", "workspace"] {
                    document.remove(workspace_level);
                }
                tree.remove(LOCK);
                tree.insert(MANIFEST, Entry::text(document.to_string().trim_end().to_owned() + "\n"))
            }
        }
    }
}

/// Cargo's own search: the nearest manifest above that has `[workspace]`, unless it excludes the project.
fn workspace_around(project: &Path) -> Option<PathBuf> {
    for folder in project.ancestors().skip(1) {
        let manifest = folder.join(MANIFEST);
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        let Ok(table) = text.parse::<toml::Table>() else { continue };
        let Some(workspace) = table.get("workspace") else { continue };
        let lists = |key: &str| {
            let paths = workspace.get(key).and_then(toml::Value::as_array).into_iter().flatten();
            paths.filter_map(toml::Value::as_str).any(|path| project.starts_with(folder.join(path)))
        };
        return (lists("members") || !lists("exclude")).then_some(manifest);
    }
    None
}

/// The manifest's text with the project among its members; nothing if it is one already.
pub(super) fn with_member(manifest: &Path, text: &str, project: &Path) -> Result<Option<String>> {
    let relative = manifest.parent().and_then(|root| project.strip_prefix(root).ok()).unwrap_or(project);
    let member = relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
    let mut document = parse(manifest, text)?;
    let workspace = document.entry("workspace").or_insert(Item::Table(Table::new()));
    let members = workspace
        .as_table_like_mut()
        .map(|table| table.entry("members").or_insert(Item::Value(Array::new().into())))
        .and_then(Item::as_array_mut)
        .ok_or_else(|| Error::usage("`workspace.members` is not a list").at(manifest, None))?;
    if members.iter().filter_map(|value| value.as_str()).any(|pattern| matches(pattern, &member)) {
        return Ok(None);
    }
    push(members, &member);
    Ok(Some(document.to_string()))
}

/// Appends in the list's own style: on a line of its own if the others stand so. Comments stay with their lines.
fn push(members: &mut Array, member: &str) {
    let text = |raw: Option<&RawString>| raw.and_then(RawString::as_str).unwrap_or_default().to_owned();
    let after = text(Some(members.trailing()));
    let has_comma = members.trailing_comma();
    let Some(last) = members.iter_mut().last() else {
        members.push(member);
        if after.contains('\n') {
            restyle_last(members, &format!("{}\n    ", after.trim_end()), "");
            members.set_trailing("\n");
            members.set_trailing_comma(true);
        }
        return;
    };
    let (before, behind) = (text(last.decor().prefix()), text(last.decor().suffix()));
    // What stood between the last one and the bracket stands behind the new one.
    last.decor_mut().set_suffix("");
    members.push(member);
    match before.contains('\n') {
        false => restyle_last(members, " ", &behind),
        true if !has_comma => restyle_last(members, &before, &behind),
        true => {
            // What stands behind the last comma on its line is about the member before.
            let (comment, rest) = after.split_once('\n').unwrap_or_default();
            restyle_last(members, &format!("{comment}{before}"), "");
            members.set_trailing(format!("\n{rest}"));
        }
    }
}

fn restyle_last(members: &mut Array, prefix: &str, suffix: &str) {
    if let Some(last) = members.iter_mut().last() {
        *last.decor_mut() = Decor::new(prefix, suffix);
    }
}

/// Whether a pattern of `members` covers the path; `*` stands for a part of one name.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.trim_end_matches('/').split('/').collect(), path.split('/').collect());
    let name_matches = |(pattern, name): (&&str, &&str)| match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    };
    pattern.len() == path.len() && pattern.iter().zip(&path).all(name_matches)
}

fn parse(file: &Path, text: &str) -> Result<DocumentMut> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let line = error.span().map(|span| crate::toml_file::line_of(text, span.start));
        Error::usage("this manifest is not valid TOML").at(file, line).cause(error.message())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str) -> Option<String> {
        with_member(Path::new("/w/Cargo.toml"), text, Path::new("/w/services/orders")).unwrap()
    }

    #[test]
    fn a_member_is_added_in_the_style_of_the_list() {
        for (before, after) in [
            ("[workspace]\n", "[workspace]\nmembers = [\"services/orders\"]\n"),
            (
                "[workspace]\nmembers = [\"a\"] # ours\n",
                "[workspace]\nmembers = [\"a\", \"services/orders\"] # ours\n",
            ),
            (
                "[workspace]\nmembers = [\n    \"a\",\n    \"b\", # two\n]\n",
                "[workspace]\nmembers = [\n    \"a\",\n    \"b\", # two\n    \"services/orders\",\n]\n",
            ),
            (
                "[workspace]\nmembers = [\n    # services\n]\n",
                "[workspace]\nmembers = [\n    # services\n    \"services/orders\",\n]\n",
            ),
            (
                "[workspace]\nmembers = [\n    \"a\"\n]\n",
                "[workspace]\nmembers = [\n    \"a\",\n    \"services/orders\"\n]\n",
            ),
        ] {
            assert_eq!(edited(before).as_deref(), Some(after));
        }
    }

    #[test]
    fn a_member_already_covered_is_left_alone() {
        for pattern in ["services/orders", "services/*", "services/*/", "*/ord*"] {
            assert_eq!(edited(&format!("[workspace]\nmembers = [{pattern:?}]\n")), None, "{pattern}");
        }
        for pattern in ["services", "services/*/x", "*", "services/o*x"] {
            assert!(edited(&format!("[workspace]\nmembers = [{pattern:?}]\n")).is_some(), "{pattern}");
        }
    }

    #[test]
    fn a_member_keeps_nothing_of_what_is_the_workspaces() {
        let mut tree = Tree::default();
        let manifest = "[package]\nname = \"a\"\n\n# Speed.\n[profile.dev]\ndebug = false\n\n\
                        [profile.dev.package.\"*\"]\ndebug = false\n";
        tree.insert(MANIFEST, Entry::text(manifest)).unwrap();
        tree.insert(LOCK, Entry::text("")).unwrap();
        let mut apart = tree.clone();
        Place::Member { manifest: "/w/Cargo.toml".into() }.adapt(&mut tree).unwrap();
        assert_eq!(tree.get(MANIFEST), Some(&Entry::text("[package]\nname = \"a\"\n")));
        assert!(tree.get(LOCK).is_none());
        Place::Standalone.adapt(&mut apart).unwrap();
        let text = String::from_utf8(apart.get(MANIFEST).unwrap().bytes.to_vec()).unwrap();
        assert!(text.starts_with(manifest) && text.ends_with("\n[workspace]\n"), "{text}");
        assert!(apart.get(LOCK).is_some());
    }
}
