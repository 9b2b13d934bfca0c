//! What flags and preset say of a new project, and what they leave open.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Answers, Choices, ProjectName, question};
use crate::{
    catalog::{Catalog, Question},
    error::{Error, Result},
};

#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub path: Option<PathBuf>,
    pub name: Option<ProjectName>,
    pub choices: Choices,
    /// Those of them that a preset gave.
    pub of_preset: Choices,
    /// Answers to the questions of a preset.
    pub vars: BTreeMap<String, String>,
    /// Take the recommended option wherever none is given.
    pub recommended: bool,
}

/// What was asked for, complete and valid.
#[derive(Clone, Debug)]
pub struct Order {
    pub answers: Answers,
    pub path: PathBuf,
}

impl Draft {
    /// Takes one answer to a question of a preset, as `--var` gives it.
    pub fn set_var(&mut self, catalog: &Catalog, pair: &str) -> Result<()> {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Error::usage(format!("`{pair}` is not the value of a variable"))
                .help("give it as --var NAME=VALUE")
        })?;
        question(catalog, name.trim())?.check(value)?;
        self.vars.insert(name.trim().to_owned(), value.to_owned());
        Ok(())
    }

    pub fn is_complete(&self, catalog: &Catalog) -> bool {
        self.missing(catalog).is_empty()
    }

    /// Asks nothing; what is missing is listed with the flags that give it.
    pub fn complete(self, catalog: &Catalog) -> Result<Order> {
        let missing = self.missing(catalog);
        let vars = self.filled_vars(catalog);
        let Some(name) = self.name.filter(|_| missing.is_empty()) else {
            let error = Error::usage("some answers are missing, and there is no terminal to ask for them");
            return Err(missing.into_iter().fold(error, Error::help));
        };
        let path = self.path.unwrap_or_else(|| PathBuf::from(name.as_str()));
        let answers = match self.recommended {
            true => Answers::recommended(catalog, name, &self.choices)?,
            false => Answers::new(catalog, name, &self.choices)?,
        };
        Ok(Order { answers: answers.with_vars(catalog, vars)?, path })
    }

    /// The questions of a preset that nothing answers.
    pub fn open_vars<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = &'a Question> {
        let is_open = |question: &&Question| {
            let has_default = self.recommended && question.default.is_some();
            !has_default && !self.vars.contains_key(&question.name)
        };
        catalog.questions().iter().filter(is_open)
    }

    /// What was answered, and the defaults of what was not.
    pub fn filled_vars(&self, catalog: &Catalog) -> BTreeMap<String, String> {
        let mut vars = self.vars.clone();
        for question in catalog.questions() {
            if let (true, Some(default)) = (self.recommended, &question.default) {
                vars.entry(question.name.clone()).or_insert_with(|| default.clone());
            }
        }
        vars
    }

    fn missing(&self, catalog: &Catalog) -> Vec<String> {
        let mut missing = Vec::new();
        if self.name.is_none() {
            missing.push("the project's folder: formwork new PATH".to_owned());
        }
        for question in self.open_vars(catalog) {
            missing.push(format!("{} --var {}=…", question.ask, question.name));
        }
        if self.recommended {
            return missing;
        }
        for slot in self.choices.open(catalog) {
            let options = slot.option_names().collect::<Vec<_>>().join("|");
            missing.push(format!("{}: --set {}={options}", slot.title.to_lowercase(), slot.name));
        }
        if self.choices.open(catalog).next().is_some()
            || self.open_vars(catalog).any(|question| question.default.is_some())
        {
            missing.push("or take the recommended option wherever none is given: --yes".to_owned());
        }
        missing
    }
}

impl ProjectName {
    /// The last part of a path, also of `.` and of `..`.
    pub fn of_path(path: &Path) -> Result<Self> {
        let absolute = match path.file_name() {
            Some(_) => path.to_owned(),
            None => path
                .canonicalize()
                .map_err(|error| Error::usage("cannot look at this folder").at(path, None).cause(error))?,
        };
        Self::new(&absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
    }
}
