//! Questions for whoever sits at the terminal, driven by the catalog alone. A flag given is never asked.

mod ask;
mod command_line;
mod line;
mod paper;
mod picture;
mod text;
mod wrap;

use std::path::{Path, PathBuf};

use self::{
    ask::{Answer, Choice},
    paper::Paper,
};
use crate::{
    answers::{Answers, Choices, Draft, Order, ProjectName, question},
    catalog::{Catalog, Hold, Part, Slot},
    error::{Error, Result, Status},
    project::Target,
};

/// Asks for what `draft` leaves open. `flags` are the other flags of the command line, to be repeated.
pub fn run(catalog: &Catalog, draft: Draft, flags: &[&str]) -> Result<Order> {
    let given = draft.choices.clone();
    let mut wizard = Wizard { catalog, given, flags, draft, paper: Paper::default() };
    wizard.tell_of_locks();
    let mut steps = wizard.first_steps();
    let mut at = 0;
    while let Some(step) = steps.get(at).cloned() {
        match wizard.ask(&step)? {
            Move::Back => at = wizard.asked_before(&steps[..at]),
            Move::Next => at += 1,
            Move::Ask(further) => {
                at += 1;
                steps.truncate(at);
                steps.extend(further);
            }
        }
    }
    wizard.order()
}

#[derive(Clone)]
enum Step {
    Name,
    Way,
    Slot(String),
    /// A preset's own.
    Question(String),
    Confirm,
}

enum Move {
    Back,
    Next,
    /// These questions follow, in place of those that did.
    Ask(Vec<Step>),
}

struct Wizard<'a> {
    catalog: &'a Catalog,
    /// What flags and preset gave; never asked.
    given: Choices,
    flags: &'a [&'a str],
    draft: Draft,
    paper: Paper,
}

impl Wizard<'_> {
    /// What a preset decided, so that nobody wonders why it is not asked.
    fn tell_of_locks(&mut self) {
        for slot in self.catalog.slots() {
            if let Some(Hold::Locked(reason)) = slot.lock().map(|limit| &limit.hold) {
                let title = slot.option(&slot.default).map_or(&*slot.default, |part| &part.title);
                self.paper.show(&format!("> {} {title} (locked: {reason})", slot.question));
            }
        }
    }

    fn first_steps(&self) -> Vec<Step> {
        let questions: Vec<Step> = self
            .draft
            .open_vars(self.catalog)
            .map(|question| Step::Question(question.name.clone()))
            .collect();
        let name = self.draft.name.is_none().then_some(Step::Name);
        let is_open = !self.draft.recommended && self.given.open(self.catalog).next().is_some();
        let way = if is_open { Step::Way } else { Step::Confirm };
        name.into_iter().chain(questions).chain([way]).collect()
    }

    fn ask(&mut self, step: &Step) -> Result<Move> {
        match step {
            Step::Name => self.ask_name(),
            Step::Way => self.ask_way(),
            Step::Slot(slot) => self.ask_slot(slot),
            Step::Question(name) => self.ask_question(name),
            Step::Confirm => self.confirm(),
        }
    }

    fn ask_name(&mut self) -> Result<Move> {
        let before = self.draft.name.as_ref().map(ToString::to_string).unwrap_or_default();
        let path = self.draft.path.clone();
        let check = move |text: &str| {
            ProjectName::new(text)?;
            Target::inspect(path.as_deref().unwrap_or(Path::new(text))).map(drop)
        };
        match ask::text(&mut self.paper, "What is the service called?", ask::NAME_HELP, &before, check)? {
            Answer::Back => Ok(Move::Back),
            Answer::Given(name) => {
                self.draft.name = Some(ProjectName::new(&name)?);
                Ok(Move::Next)
            }
        }
    }

    fn ask_question(&mut self, name: &str) -> Result<Move> {
        let question = question(self.catalog, name)?;
        let before = self.draft.vars.get(name).or(question.default.as_ref()).cloned().unwrap_or_default();
        let help = question.hint.as_deref().unwrap_or("the preset asks this; Ctrl-C leaves nothing behind");
        match ask::text(&mut self.paper, &question.ask, help, &before, |text| question.check(text))? {
            Answer::Back => Ok(Move::Back),
            Answer::Given(value) => {
                self.draft.vars.insert(name.to_owned(), value);
                Ok(Move::Next)
            }
        }
    }

    fn ask_way(&mut self) -> Result<Move> {
        let recommended = self.given.completed(self.catalog).ok_or_else(|| {
            let error = Error::usage("no project can have the given answers together");
            self.given.broken_rules(self.catalog).into_iter().fold(error, Error::help)
        })?;
        let titles = self.catalog.slots().iter().filter_map(|slot| {
            let option = slot.option(recommended.get(&slot.name)?)?;
            Some(format!("{} {}", slot.title.to_lowercase(), option.title))
        });
        let ways = vec![
            Choice::open("Recommended", &titles.collect::<Vec<_>>().join(", ")),
            Choice::open("Choose", "one question for each part of the service that has a choice"),
        ];
        // What has no choice is no question; the picture at the end shows it.
        let open = self.given.open(self.catalog).filter(|slot| slot.options.len() > 1);
        let open = open.map(|slot| Step::Slot(slot.name.clone()));
        match ask::one(&mut self.paper, "How should it be built?", &ways, 0)? {
            Answer::Back => Ok(Move::Back),
            Answer::Given(0) => {
                self.draft.choices = recommended;
                Ok(Move::Ask(vec![Step::Confirm]))
            }
            Answer::Given(_) => {
                for slot in self.catalog.slots().iter().filter(|slot| slot.options.len() == 1) {
                    self.draft.choices.set(self.catalog, &slot.name, &slot.options[0].name)?;
                }
                Ok(Move::Ask(open.chain([Step::Confirm]).collect()))
            }
        }
    }

    fn ask_slot(&mut self, name: &str) -> Result<Move> {
        let slot = self.catalog.slot(name)?;
        if let Some(part) = self.only_option(slot) {
            return self.take_only(slot, part);
        }
        let before = self.draft.choices.get(name).map(str::to_owned);
        // Later answers stay as suggestions, but must not rule out what is asked now.
        let decided = self.decided_before(slot);
        let options: Vec<_> = slot.options.iter().map(|part| self.choice(&decided, slot, part)).collect();
        let wanted = before.as_deref().unwrap_or(&slot.default);
        let is_free = |at: &usize| options[*at].ruled_out.is_none();
        let cursor = slot.options.iter().position(|part| part.name == wanted).filter(is_free);
        let cursor = cursor.or_else(|| (0..options.len()).find(is_free)).unwrap_or_default();
        match ask::one(&mut self.paper, &slot.question, &options, cursor)? {
            Answer::Back => Ok(Move::Back),
            Answer::Given(at) => {
                self.draft.choices.set(self.catalog, name, &slot.options[at].name)?;
                Ok(Move::Next)
            }
        }
    }

    /// The one option that the answers before leave, if they leave one: that is no question.
    fn only_option<'b>(&self, slot: &'b Slot) -> Option<&'b Part> {
        let decided = self.decided_before(slot);
        let mut free = slot.options.iter().filter(|part| decided.ruled_out(self.catalog, part).is_none());
        free.next().filter(|_| free.next().is_none())
    }

    /// Says what is taken, and what rules out the rest.
    fn take_only(&mut self, slot: &Slot, part: &Part) -> Result<Move> {
        let decided = self.decided_before(slot);
        let mut reasons: Vec<_> =
            slot.options.iter().filter_map(|other| decided.ruled_out(self.catalog, other)).collect();
        reasons.dedup();
        let told = format!("> {} {} ({})", slot.question, part.title, reasons.join("; "));
        self.paper.show(&wrap::within(&told, wrap::columns()));
        self.draft.choices.set(self.catalog, &slot.name, &part.name)?;
        Ok(Move::Next)
    }

    /// Where somebody who goes back from behind these steps comes to: the last of them that is a question.
    fn asked_before(&self, steps: &[Step]) -> usize {
        let is_question = |step: &Step| match step {
            Step::Slot(name) => self.catalog.slot(name).is_ok_and(|slot| self.only_option(slot).is_none()),
            Step::Name | Step::Question(_) | Step::Way | Step::Confirm => true,
        };
        steps.iter().rposition(is_question).unwrap_or_default()
    }

    /// What was given, and what was answered to the questions before this one.
    fn decided_before(&self, slot: &Slot) -> Choices {
        let mut decided = self.draft.choices.clone();
        let later = self.catalog.slots().iter().skip_while(|other| other.name != slot.name);
        for slot in later.filter(|slot| self.given.get(&slot.name).is_none()) {
            decided.clear(&slot.name);
        }
        decided
    }

    fn choice(&self, decided: &Choices, slot: &Slot, part: &Part) -> Choice {
        let title = match part.name == slot.default {
            true => format!("{} (recommended)", part.title),
            false => part.title.clone(),
        };
        let ruled_out = decided.ruled_out(self.catalog, part);
        Choice { title, detail: part.tradeoff.clone(), ruled_out }
    }

    fn confirm(&mut self) -> Result<Move> {
        let order = self.order()?;
        let picture = picture::draw(self.catalog, &order.answers, wrap::columns());
        let command_line = self.command_line(&order);
        self.paper.show(&format!("\n{picture}\nThe same without questions:\n\n  {command_line}\n"));
        match ask::yes(&mut self.paper, &format!("Pour {}?", order.answers.name()))? {
            Answer::Back => Ok(Move::Back),
            Answer::Given(true) => Ok(Move::Next),
            Answer::Given(false) => {
                Err(Error::new(Status::Interrupted, "not poured, as you said: nothing was written"))
            }
        }
    }

    fn command_line(&self, order: &Order) -> String {
        command_line::of(self.catalog, order, &self.draft.of_preset, self.flags)
    }

    fn order(&self) -> Result<Order> {
        let name = self.draft.name.clone().ok_or_else(|| Error::usage("the project has no name"))?;
        let path = self.draft.path.clone().unwrap_or_else(|| PathBuf::from(name.as_str()));
        let answers = match self.draft.recommended {
            true => Answers::recommended(self.catalog, name, &self.draft.choices)?,
            false => Answers::new(self.catalog, name, &self.draft.choices)?,
        };
        let vars = self.draft.filled_vars(self.catalog);
        Ok(Order { answers: answers.with_vars(self.catalog, vars)?, path })
    }
}
