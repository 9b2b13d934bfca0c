//! The source of a poured project, changed in memory.

use std::collections::{BTreeMap, BTreeSet};

use formwork::{
    answers::{Answers, Choices, ProjectName},
    catalog::{Catalog, Plan},
    render,
};

use crate::workshop::{Concurrency, Kind};

/// Every project here has it.
pub(crate) const NAME: &str = "orders";

/// Path to text.
type Files = BTreeMap<String, String>;

/// A project's texts as they were poured, and as they are by now.
pub(crate) struct Source {
    concurrency: Concurrency,
    poured: Files,
    files: Files,
}

/// A text in place of another in one file. The other must be there: a variant that changes nothing proves nothing.
pub(crate) struct Change {
    file: &'static str,
    texts: Texts,
    /// Options that say the same in other words.
    instead: Vec<(Concurrency, Texts)>,
    /// The option that alone needs it; none where all do.
    only: Option<Concurrency>,
}

#[derive(Clone, Copy)]
struct Texts {
    from: &'static str,
    to: &'static str,
}

pub(crate) fn change(file: &'static str, from: &'static str, to: &'static str) -> Change {
    Change { file, texts: Texts { from, to }, instead: Vec::new(), only: None }
}

/// A change that one option alone needs.
pub(crate) fn only(
    concurrency: Concurrency,
    file: &'static str,
    from: &'static str,
    to: &'static str,
) -> Change {
    Change { only: Some(concurrency), ..change(file, from, to) }
}

impl Change {
    /// This option says the same in other words.
    pub(crate) fn on(mut self, concurrency: Concurrency, from: &'static str, to: &'static str) -> Self {
        self.instead.push((concurrency, Texts { from, to }));
        self
    }

    fn texts(&self, concurrency: Concurrency) -> Option<Texts> {
        let own = self.instead.iter().find(|(option, _)| *option == concurrency);
        let is_needed = self.only.is_none_or(|only| only == concurrency);
        is_needed.then_some(own.map_or(self.texts, |(_, texts)| *texts))
    }
}

impl Source {
    /// What `formwork new` pours.
    pub(crate) fn of(kind: Kind) -> Self {
        let catalog = Catalog::embedded().expect("a catalog");
        let mut choices = Choices::default();
        for pair in kind.answers() {
            choices.set_pair(&catalog, &pair).expect("an option");
        }
        let name = ProjectName::new(NAME).expect("a name");
        let answers = Answers::recommended(&catalog, name, &choices).expect("answers");
        let plan = Plan::new(&catalog, &answers).expect("a plan");
        let tree = render::render(&plan).expect("a project").tree;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let files: Files =
            tree.iter().filter_map(|(path, entry)| Some((path.to_owned(), text(&entry.bytes)?))).collect();
        Self { concurrency: kind.concurrency, poured: files.clone(), files }
    }

    pub(crate) fn apply(&mut self, change: &Change) {
        let Some(Texts { from, to }) = change.texts(self.concurrency) else { return };
        let (file, name) = (change.file, self.concurrency.name());
        let text = self.read(file);
        // Not every file of the option that has blocking handlers is told straight.
        let (from, to) = match text.contains(from) {
            true => (from.to_owned(), to.to_owned()),
            false => (self.told(from), self.told(to)),
        };
        assert!(text.contains(&from), "on {name}, {file} no longer has {from:?}");
        self.write(file, text.replace(&from, &to));
    }

    pub(crate) fn edit(&mut self, file: &str, edit: impl FnOnce(String) -> String) {
        let text = self.read(file).to_owned();
        let edited = edit(text.clone());
        assert_ne!(edited, text, "{file} is as it was");
        self.write(file, edited);
    }

    /// The text as the option would say it.
    pub(crate) fn told(&self, text: &str) -> String {
        match self.concurrency {
            Concurrency::Threads => straight(text),
            Concurrency::Async | Concurrency::PerCore => text.to_owned(),
        }
    }

    pub(crate) fn write(&mut self, file: &str, text: String) {
        self.files.insert(file.to_owned(), text);
    }

    pub(crate) fn remove(&mut self, file: &str) {
        assert!(self.files.remove(file).is_some(), "{file} is not there");
    }

    /// In every file below `src/`.
    pub(crate) fn replace_everywhere(&mut self, from: &str, to: &str) {
        let is_concerned = |file: &str, text: &str| file.starts_with("src/") && text.contains(from);
        let concerned = self.files.iter_mut().filter(|(file, text)| is_concerned(file, text));
        let replaced = concerned.map(|(_, text)| *text = text.replace(from, to)).count();
        assert_ne!(replaced, 0, "no file has {from:?}");
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        self.files.contains_key(file)
    }

    fn read(&self, file: &str) -> &str {
        self.files.get(file).unwrap_or_else(|| panic!("there is no {file} on {}", self.concurrency.name()))
    }

    /// Every file that was changed, with what it held and what it is to hold; none where it is not there.
    pub(crate) fn changes<'a>(&'a self) -> impl Iterator<Item = (&'a str, Option<&'a str>, Option<&'a str>)> {
        let text = |files: &'a Files, file: &String| files.get(file).map(String::as_str);
        let files: BTreeSet<&String> = self.poured.keys().chain(self.files.keys()).collect();
        let all = files.into_iter();
        all.map(move |file| (file.as_str(), text(&self.poured, file), text(&self.files, file)))
            .filter(|(_, before, after)| before != after)
    }
}

/// As `cargo xtask sync` tells it.
fn straight(text: &str) -> String {
    text.replace(".await", "").replace("async ", "")
}
