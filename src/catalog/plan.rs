//! A plan: answers resolved to the parts that a render takes, base first.

use super::{
    Catalog, Commands, Condition, File, FileSet, Part, Server, Verdict,
    part::{NONE, SERVER, SOME},
};
use crate::{answers::Answers, error::Result};

#[derive(Clone, Debug)]
pub struct Plan<'a> {
    pub catalog: &'a Catalog,
    pub answers: &'a Answers,
    /// The base, then one part a slot in the catalog's order, then what a preset adds to every project.
    pub parts: Vec<&'a Part>,
}

impl<'a> Plan<'a> {
    pub fn new(catalog: &'a Catalog, answers: &'a Answers) -> Result<Self> {
        let chosen = answers.chosen().map(|(slot, option)| catalog.option(slot, option));
        let own = catalog.own().iter().map(Ok);
        let parts = std::iter::once(Ok(catalog.base())).chain(chosen).chain(own).collect::<Result<_>>()?;
        Ok(Self { catalog, answers, parts })
    }

    /// The options that answer the slots.
    pub fn chosen(&self) -> impl Iterator<Item = &'a Part> {
        let slots = self.catalog.slots().len();
        self.parts.clone().into_iter().skip(1).take(slots)
    }

    /// Every file of the plan: its part, its path within the project as the template has it, its content.
    pub fn files(&self) -> impl Iterator<Item = (&'a Part, &'a str, &'a File)> {
        let catalog = self.catalog;
        self.file_sets().flat_map(|(part, set)| {
            catalog.source().under(&set.dir).map(move |(path, file)| (part, path, file))
        })
    }

    /// Those whose condition holds, each with its part.
    pub fn file_sets(&self) -> impl Iterator<Item = (&'a Part, &'a FileSet)> {
        let answers = self.answers;
        let servers = if self.servers().is_empty() { NONE } else { SOME };
        let chosen = move |slot: &str| if slot == SERVER { Some(servers) } else { answers.option(slot) };
        let holds = move |when: &Condition| when.verdict(chosen) == Verdict::Holds;
        self.parts.clone().into_iter().flat_map(move |part| {
            let taken = part.files.iter().filter(move |set| set.when.as_ref().is_none_or(holds));
            taken.map(move |set| (part, set))
        })
    }

    /// What it needs beside the service. A server that two parts name is one, and the later part's; the service is told of
    /// it what both say.
    pub fn servers(&self) -> Vec<Server> {
        let mut servers: Vec<Server> = Vec::new();
        for server in self.parts.iter().filter_map(|part| part.server.as_ref()) {
            match servers.iter_mut().find(|known| known.name == server.name) {
                Some(known) => {
                    let (mut settings, mut patience) = (known.settings.clone(), known.patience.clone());
                    settings.extend(server.settings.clone());
                    patience.extend(server.patience.clone());
                    let client = server.client.clone().or(known.client.take());
                    *known = Server { settings, patience, client, ..server.clone() };
                }
                None => servers.push(server.clone()),
            }
        }
        servers
    }

    /// The files that a preset adds or puts in place of those of the parts, in this order.
    pub fn overlay(&self) -> impl Iterator<Item = (&'a str, &'a File)> {
        let catalog = self.catalog;
        catalog.overlays().iter().flat_map(move |folder| catalog.source().under(folder))
    }

    /// Whether a part is one of a preset's.
    pub fn is_own(&self, part: &Part) -> bool {
        self.catalog.is_own(part)
    }

    pub fn has(&self, part_id: &str) -> bool {
        self.parts.iter().any(|part| part.id == part_id)
    }

    /// What the owner types next: the last part that says something wins.
    pub fn commands(&self) -> Commands {
        let last = |pick: fn(&Commands) -> &Option<String>| {
            self.parts.iter().rev().find_map(|part| pick(&part.commands).clone())
        };
        Commands { run: last(|c| &c.run), request: last(|c| &c.request), test: last(|c| &c.test) }
    }
}
