//! Whether a project is still what it was made to be, for CI: its answers hold, its promises are claimed; and how far it
//! is behind.

use std::{collections::BTreeSet, fs};

use serde::Serialize;

use super::{Move, Owned, Repository, Standard, followers};
use crate::{
    VERSION,
    answers::Choices,
    catalog::{Catalog, Plan},
    check::probe::claims::Claims,
    error::Result,
    project::{Project, base, state},
    render::{self, LOCK},
};

/// Where every project has its claims.
const DOCUMENT: &str = "docs/openapi.json";

#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    pub schema: u32,
    /// Nothing is found.
    pub conforms: bool,
    pub findings: Vec<Finding>,
    pub claims: ClaimsNow,
    pub behind: Behind,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// `answers` or `claims`.
    pub about: &'static str,
    pub message: String,
    /// The file, and the line where there is one.
    pub at: Option<String>,
    pub help: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct ClaimsNow {
    /// What the render claimed.
    pub rendered: Vec<String>,
    pub now: Vec<String>,
    pub vanished: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Behind {
    /// Of the last render, and of this tool.
    pub from: String,
    pub to: String,
    /// Files of the render that today's templates have otherwise; none where they cannot be rendered.
    pub files: Option<usize>,
}

impl Drift {
    pub fn of(standard: &Standard, owned: &Owned, repository: &Repository) -> Result<Self> {
        let mut findings = Vec::new();
        let choices = answers(&standard.catalog, owned, &mut findings);
        let claims = claims(owned, &mut findings);
        let files = match choices {
            Some(choices) => Some(behind(standard, owned, repository, &choices)?),
            None => None,
        };
        let behind = Behind { from: owned.version.to_string(), to: VERSION.to_owned(), files };
        Ok(Self { schema: 1, conforms: findings.is_empty(), findings, claims, behind })
    }
}

/// The recorded answers, if this catalog can still render them.
fn answers(catalog: &Catalog, owned: &Owned, findings: &mut Vec<Finding>) -> Option<Choices> {
    let settled = followers::settle(catalog, owned, &Choices::default());
    let problem = match settled {
        Err(error) => Finding {
            about: "answers",
            message: error.message,
            at: error.at.map(|at| at.to_string()),
            help: error.help,
        },
        Ok(settled) => match settled.into_iter().next() {
            Some(one) if !one.along.iter().any(Move::is_a_question) => {
                findings.extend(one.along.iter().filter_map(|along| locked_otherwise(along, owned)));
                return Some(one.choices);
            }
            _ => Finding {
                about: "answers",
                message: "the recorded answers do not go together any more".to_owned(),
                at: Some(owned.state_file().display().to_string()),
                help: vec!["formwork update says what fits".to_owned()],
            },
        },
    };
    findings.push(problem);
    None
}

/// The preset has moved a lock since the render.
fn locked_otherwise(along: &Move, owned: &Owned) -> Option<Finding> {
    let (from, reason) = (along.from.as_deref()?, along.locked.as_deref()?);
    let Move { slot, to, .. } = along;
    Some(Finding {
        about: "answers",
        message: format!("the preset locks `{slot}` to `{to}` ({reason}), and the project has `{from}`"),
        at: Some(owned.state_file().display().to_string()),
        help: vec!["formwork update takes the project along".to_owned()],
    })
}

fn claims(owned: &Owned, findings: &mut Vec<Finding>) -> ClaimsNow {
    let Some(document) = owned.base.get(DOCUMENT) else { return ClaimsNow::default() };
    let rendered = all(&document.bytes).unwrap_or_default();
    let file = owned.folder.join(DOCUMENT);
    let mut finding = |message: String, help: &str| {
        let at = Some(file.display().to_string());
        findings.push(Finding { about: "claims", message, at, help: vec![help.to_owned()] });
    };
    let now = fs::read(&file).map_err(|error| error.to_string()).and_then(|bytes| all(&bytes));
    let now = match now {
        Ok(now) => now,
        Err(why) => {
            finding(
                format!("the promises that it claims cannot be read: {why}"),
                "git log -- docs/openapi.json",
            );
            BTreeSet::new()
        }
    };
    let vanished: BTreeSet<String> = rendered.difference(&now).cloned().collect();
    if !vanished.is_empty() && !now.is_empty() {
        finding(
            format!("nothing claims {} any more", in_order(vanished.clone()).join(", ")),
            "let an operation of yours claim it: docs/promises.md",
        );
    }
    ClaimsNow { rendered: in_order(rendered), now: in_order(now), vanished: in_order(vanished) }
}

/// P2 before P10.
fn in_order(promises: BTreeSet<String>) -> Vec<String> {
    let mut promises: Vec<String> = promises.into_iter().collect();
    promises.sort_by_key(String::len);
    promises
}

fn all(document: &[u8]) -> Result<BTreeSet<String>, String> {
    let claims = Claims::read(document)?;
    Ok(claims.all().into_iter().map(str::to_owned).collect())
}

fn behind(standard: &Standard, owned: &Owned, repository: &Repository, choices: &Choices) -> Result<usize> {
    let answers = standard.answers(owned, choices)?;
    let render = render::render(&Plan::new(&standard.catalog, &answers)?)?;
    let mut tree = Project::compose(render.tree, &render.servers, &answers, &owned.place)?.tree;
    for path in [LOCK, state::PATH, base::PATH] {
        tree.remove(path);
    }
    let (base, new) = (repository.add("base", &owned.base)?, repository.add("new", &tree)?);
    let strip = |mut items: super::repository::Items| {
        for path in [LOCK, state::PATH, base::PATH] {
            items.remove(path);
        }
        items
    };
    let (base, new) = (strip(base), strip(new));
    let paths: BTreeSet<&String> = base.keys().chain(new.keys()).collect();
    Ok(paths.into_iter().filter(|path| base.get(*path) != new.get(*path)).count())
}
