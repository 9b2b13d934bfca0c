//! The presets of a chain as one: what is answered, locked, narrowed and asked, and by whom.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{
    chain::Link,
    file::{VarEntry, Written},
};
use crate::{
    answers::Choices,
    catalog::{Catalog, Hold, Limit, Pattern, Question},
    error::{Error, Location, Result},
};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub struct Given {
    pub value: String,
    pub at: Location,
}

#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// By slot.
    pub(super) answers: BTreeMap<String, Given>,
    pub(super) limits: Vec<Limit>,
    pub(super) questions: Vec<Question>,
    /// By variable.
    pub(super) values: BTreeMap<String, Given>,
}

/// `catalog` has all that the chain brings.
pub(super) fn resolve(chain: &[Link], catalog: &Catalog) -> Result<Resolved> {
    let mut resolved = Resolved::default();
    for link in chain {
        resolved.add(&link.written, catalog)?;
    }
    Ok(resolved)
}

impl Resolved {
    fn add(&mut self, written: &Written, catalog: &Catalog) -> Result<()> {
        let content = &written.content;
        for (slot, option) in &content.answers {
            self.answer(written, catalog, slot, option)?;
        }
        for (slot, options) in &content.allow {
            self.allow(written, catalog, slot, options).map_err(|error| written.located(error, slot))?;
        }
        for (slot, reason) in &content.lock {
            self.lock(written, catalog, slot, reason).map_err(|error| written.located(error, slot))?;
        }
        for (name, entry) in &content.vars {
            let question =
                self.question(written, name, entry).map_err(|error| written.located(error, name))?;
            self.questions.push(question);
        }
        for (name, value) in &content.values {
            let given = Given { value: value.get_ref().clone(), at: written.at(value) };
            let question = self.known(name.get_ref()).map_err(|error| written.located(error, name))?;
            question
                .check(value.get_ref())
                .map_err(|error| Error { at: Some(written.at(value)), ..error })?;
            self.values.insert(name.get_ref().clone(), given);
        }
        Ok(())
    }

    fn answer(
        &mut self,
        written: &Written,
        catalog: &Catalog,
        slot: &Spanned<String>,
        option: &Spanned<String>,
    ) -> Result<()> {
        let (name, value) = (slot.get_ref(), option.get_ref());
        catalog.option(name, value).map_err(|error| written.located(error, slot))?;
        self.expect_allowed(name, value).map_err(|error| written.located(error, slot))?;
        self.answers.insert(name.clone(), Given { value: value.clone(), at: written.at(option) });
        Ok(())
    }

    /// Presets before this one may have said that it must not be.
    fn expect_allowed(&self, slot: &str, option: &str) -> Result<()> {
        let limits = self.limits.iter().filter(|limit| limit.slot == slot);
        let Some(limit) = limits.into_iter().find(|limit| !limit.allowed.iter().any(|name| name == option))
        else {
            return Ok(());
        };
        let by = limit.at.to_string();
        let error = match &limit.hold {
            Hold::Locked(reason) => {
                Error::usage(format!("`{slot}` is locked to `{}` by {by}: {reason}", limit.allowed.join("")))
            }
            Hold::Narrowed => Error::usage(format!("{slot}={option} is not allowed by {by}"))
                .help(format!("it allows: {}", limit.allowed.join(", "))),
        };
        Err(error)
    }

    fn allow(
        &mut self,
        written: &Written,
        catalog: &Catalog,
        slot: &Spanned<String>,
        options: &[Spanned<String>],
    ) -> Result<()> {
        let name = slot.get_ref();
        let known = catalog.slot(name)?;
        if options.is_empty() {
            return Err(Error::usage(format!("nothing is allowed for `{name}`"))
                .help(format!("name some of: {}", known.option_names().collect::<Vec<_>>().join(", "))));
        }
        let mut allowed: Vec<String> = Vec::new();
        for option in options {
            let checked = catalog.option(name, option.get_ref()).map(drop);
            checked
                .and_then(|()| self.expect_allowed(name, option.get_ref()))
                .and_then(|()| match allowed.contains(option.get_ref()) {
                    true => Err(Error::usage(format!("`{}` stands there twice", option.get_ref()))),
                    false => Ok(()),
                })
                .map_err(|error| written.located(error, option))?;
            allowed.push(option.get_ref().clone());
        }
        let is_locked = |limit: &Limit| limit.slot == *name && matches!(limit.hold, Hold::Locked(_));
        match self.answers.get(name) {
            Some(given) if given.at.file == written.label => {
                if !allowed.contains(&given.value) {
                    let error = Error::usage(format!(
                        "{name}={} is answered, which is not allowed here",
                        given.value
                    ));
                    return Err(Error { at: Some(given.at.clone()), ..error });
                }
            }
            // What a preset below answers is a question again, unless it is locked.
            _ if self.limits.iter().any(is_locked) => {}
            _ => drop(self.answers.remove(name)),
        }
        self.limits.push(Limit { slot: name.clone(), allowed, hold: Hold::Narrowed, at: written.at(slot) });
        Ok(())
    }

    fn lock(
        &mut self,
        written: &Written,
        catalog: &Catalog,
        slot: &Spanned<String>,
        reason: &Spanned<String>,
    ) -> Result<()> {
        let name = slot.get_ref();
        let known = catalog.slot(name)?;
        if reason.get_ref().trim().is_empty() || reason.get_ref().contains(char::is_control) {
            return Err(Error::usage(format!("the lock of `{name}` gives no reason"))
                .help("say in one line why; whoever asks for something else is told"));
        }
        let given = self.answers.get(name).ok_or_else(|| {
            Error::usage(format!("`{name}` is locked, and nothing answers it")).help(format!(
                "under [answers]: {name} = {}",
                known.option_names().map(|option| format!("{option:?}")).collect::<Vec<_>>().join(" or ")
            ))
        })?;
        self.limits.push(Limit {
            slot: name.clone(),
            allowed: vec![given.value.clone()],
            hold: Hold::Locked(reason.get_ref().clone()),
            at: written.at(slot),
        });
        Ok(())
    }

    fn question(&self, written: &Written, name: &Spanned<String>, entry: &VarEntry) -> Result<Question> {
        let text = name.get_ref();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.bytes().all(plain) {
            return Err(Error::usage(format!("`{text}` cannot be a variable's name")).help(
                "a name starts with a letter and has only a-z, 0-9 and _, since templates write vars.NAME",
            ));
        }
        if let Some(other) = self.questions.iter().find(|question| question.name == *text) {
            return Err(Error::usage(format!("`{text}` is asked by {} already", other.at))
                .help(format!("to answer it here: [values] {text} = \"…\"")));
        }
        if entry.ask.trim().is_empty() || entry.ask.contains(char::is_control) {
            return Err(
                Error::usage(format!("`{text}` asks nothing")).help("ask = \"a question of one line\"")
            );
        }
        let pattern = match &entry.pattern {
            Some(pattern) => {
                Some(Pattern::new(pattern.get_ref()).map_err(|error| written.located(error, pattern))?)
            }
            None => None,
        };
        let owned = |value: &Option<Spanned<String>>| value.as_ref().map(|value| value.get_ref().clone());
        let question = Question {
            name: text.clone(),
            ask: entry.ask.clone(),
            hint: entry.hint.clone(),
            pattern,
            default: owned(&entry.default),
            example: owned(&entry.example),
            at: written.at(name),
        };
        for value in entry.default.iter().chain(&entry.example) {
            question
                .check(value.get_ref())
                .map_err(|error| Error { at: Some(written.at(value)), ..error })?;
        }
        Ok(question)
    }

    fn known(&self, name: &str) -> Result<&Question> {
        self.questions.iter().find(|question| question.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.questions.iter().map(|question| question.name.as_str()).collect();
            let error = Error::usage(format!("nothing asks for `{name}`"));
            match crate::error::did_you_mean(name, names.iter().copied()) {
                Some(meant) => error.help(format!("did you mean `{meant}`?")),
                None => error.help(
                    "a value answers a question under [vars], here or in a preset that this one extends",
                ),
            }
        })
    }

    /// As choices of the narrowed catalog.
    pub(super) fn choices(&self, catalog: &Catalog) -> Result<Choices> {
        let mut choices = Choices::default();
        for (slot, given) in &self.answers {
            choices
                .set(catalog, slot, &given.value)
                .map_err(|error| Error { at: Some(given.at.clone()), ..error })?;
        }
        Ok(choices)
    }
}
