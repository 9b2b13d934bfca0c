//! Reads variables, remembers which were read, and collects every problem instead of stopping at one.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use super::{
    Problems, Secret, Stage,
    value::{self, Parse},
};

pub(super) const PREFIX: &str = "APP__";

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Default,
    Environment,
    File,
    Unset,
}

/// One variable as it took effect; a secret's value is never in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: &'static str,
    pub value: String,
    pub source: Source,
}

pub struct Environment {
    given: BTreeMap<String, String>,
    read: Vec<Variable>,
    problems: Vec<String>,
    development: bool,
}

impl Environment {
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            given: variables
                .into_iter()
                .filter(|(name, _)| name.starts_with(PREFIX))
                .collect(),
            read: Vec::new(),
            problems: Vec::new(),
            development: false,
        }
    }

    pub(super) fn stage(&mut self, stage: Stage) {
        self.development = stage == Stage::Development;
    }

    pub fn is_development(&self) -> bool {
        self.development
    }

    /// A value of any type that parses from text; `default` is written as it would be set.
    pub fn value<T: Parse>(&mut self, name: &'static str, default: &str) -> T {
        let given = self.given.get(name).cloned();
        let source = if given.is_some() {
            Source::Environment
        } else {
            Source::Default
        };
        let text = given.unwrap_or_else(|| default.to_owned());
        self.read.push(Variable {
            name,
            value: text.clone(),
            source,
        });
        T::parse(&text).unwrap_or_else(|expected| {
            self.problems
                .push(format!("{name} is {text:?}: {expected}"));
            // Rules between variables go on as if this one had not been set.
            T::parse(default).unwrap_or_else(|_| T::fallback())
        })
    }

    /// A value that may be absent.
    pub fn optional<T: Parse>(&mut self, name: &'static str) -> Option<T> {
        if self.given.contains_key(name) {
            return Some(self.value(name, ""));
        }
        self.read.push(Variable {
            name,
            value: String::new(),
            source: Source::Unset,
        });
        None
    }

    pub fn text(&mut self, name: &'static str, default: &str) -> String {
        self.value(name, default)
    }

    pub fn path(&mut self, name: &'static str, default: &str) -> PathBuf {
        PathBuf::from(self.text(name, default))
    }

    /// A duration with its unit, such as `250ms` or `10s`; longer than zero.
    pub fn duration(&mut self, name: &'static str, default: &str) -> Duration {
        let duration = self.value::<Duration>(name, default);
        self.rule(!duration.is_zero(), || {
            format!("{name} must be longer than zero")
        });
        duration
    }

    /// A number of at least one.
    pub fn count(&mut self, name: &'static str, default: &str) -> u32 {
        let count = self.value::<u32>(name, default);
        self.rule(count > 0, || format!("{name} must be at least 1"));
        count
    }

    pub fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        default: &str,
        choices: &[(&str, T)],
    ) -> T {
        let text = self.text(name, default);
        let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        match choices.iter().find(|(choice, _)| *choice == text) {
            Some((_, choice)) => *choice,
            None => {
                self.problems
                    .push(value::unknown_choice(name, &text, &names));
                choices[0].1
            }
        }
    }

    /// A secret, given as `NAME` or, better, as a file whose path is in `NAME_FILE`.
    pub fn secret(&mut self, name: &'static str) -> Option<Secret> {
        let file = self.given.remove(&format!("{name}_FILE"));
        let (text, source) = match (self.given.get(name), file) {
            (Some(_), Some(_)) => {
                self.problems
                    .push(format!("{name} and {name}_FILE are both set: keep one"));
                (None, Source::Unset)
            }
            (Some(text), None) => (Some(text.clone()), Source::Environment),
            (None, Some(path)) => match fs::read_to_string(path) {
                Ok(text) => (Some(text.trim_end().to_owned()), Source::File),
                Err(error) => {
                    // Not the path: now and then somebody puts the secret itself there.
                    self.problems.push(format!(
                        "{name}_FILE names a file that cannot be read: {error}"
                    ));
                    (None, Source::Unset)
                }
            },
            (None, None) => (None, Source::Unset),
        };
        let is_empty = text.as_deref() == Some("");
        self.rule(!is_empty, || {
            format!("{name} is empty: give it a value, or take it out")
        });
        let secret = text.map(Secret::new);
        let value = if secret.is_some() {
            "[redacted]".to_owned()
        } else {
            String::new()
        };
        self.read.push(Variable {
            name,
            value,
            source,
        });
        secret
    }

    /// Records `problem` unless `holds`.
    pub fn rule(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(problem());
        }
    }

    /// What must be set outside development.
    pub fn required_in_production(&mut self, name: &str, is_set: bool, why: &str) {
        let holds = is_set || self.development;
        self.rule(holds, || format!("{name} must be set in production: {why}"));
    }

    pub(super) fn finish(&mut self) -> Result<Vec<Variable>, Problems> {
        let known: Vec<&str> = self.read.iter().map(|variable| variable.name).collect();
        for name in self
            .given
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
        {
            self.problems.push(value::unknown_variable(name, &known));
        }
        if self.problems.is_empty() {
            Ok(std::mem::take(&mut self.read))
        } else {
            Err(Problems(std::mem::take(&mut self.problems)))
        }
    }
}
