//! What must change along: answers that do not go with a new one move to the nearest that does.

use crate::{
    answers::Choices,
    catalog::{Catalog, Hold, Slot, unknown_option, unknown_slot},
    error::{Error, Result},
    life::Owned,
};

/// An option of this name is its slot left empty: a project is taken there only where nothing else is left.
const NOTHING: &str = "none";

/// One slot on its way to another option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub slot: String,
    /// Nothing for a slot that the project has no answer for yet.
    pub from: Option<String>,
    pub to: String,
    /// Why the preset leaves no other.
    pub locked: Option<String>,
}

/// A full set of choices, and what of it nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub choices: Choices,
    pub along: Vec<Move>,
}

/// The nearest valid choices to those recorded that have all that is `asked`. Several are equally near; none is an
/// error.
pub fn settle(catalog: &Catalog, owned: &Owned, asked: &Choices) -> Result<Vec<Settled>> {
    let recorded = recorded(catalog, owned, asked)?;
    let slots = catalog.slots().len();
    let found = (0..=slots).map(|budget| {
        let mut found = Vec::new();
        search(catalog, &recorded, asked.clone(), budget, &mut found);
        found
    });
    let nearest = found.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    if nearest.is_empty() {
        let error = Error::usage("no project can have these answers together");
        return Err(asked.broken_rules(catalog).into_iter().fold(error, Error::help));
    }
    let emptied = |choices: &Choices| {
        let moved = choices.iter().filter(|(slot, option)| recorded.get(slot) != Some(option));
        moved.filter(|(slot, option)| (*option == NOTHING) != (recorded.get(slot) == Some(NOTHING))).count()
    };
    let least = nearest.iter().map(emptied).min().unwrap_or_default();
    let nearest = nearest.into_iter().filter(|choices| emptied(choices) == least);
    Ok(nearest.map(|choices| Settled { along: moves(catalog, owned, asked, &choices), choices }).collect())
}

/// What the project has now; slots that are new in the catalog take what it recommends.
fn recorded(catalog: &Catalog, owned: &Owned, asked: &Choices) -> Result<Choices> {
    let mut recorded = Choices::default();
    for slot in catalog.slots() {
        let Some(entry) = owned.recorded.iter().find(|entry| entry.slot == slot.name) else {
            recorded.set(catalog, &slot.name, &slot.default)?;
            continue;
        };
        if slot.lock().is_some() {
            // The preset leaves one option, whatever was recorded.
            recorded.set(catalog, &slot.name, &slot.default)?;
        } else if slot.option(&entry.option).is_some() {
            recorded.set(catalog, &slot.name, &entry.option)?;
        } else if asked.get(&slot.name).is_none() {
            // It went from the catalog: nobody but the owner can say what takes its place.
            let options = slot.option_names().collect::<Vec<_>>().join("|");
            let unknown = unknown_option(&slot.name, &entry.option, slot.option_names());
            let refused = catalog.option(&slot.name, &entry.option).err().unwrap_or(unknown);
            return Err(refused
                .at(owned.state_file(), Some(entry.line))
                .help(format!("choose what takes its place: formwork set {}={options}", slot.name)));
        } else if let Some(option) = asked.get(&slot.name) {
            recorded.set(catalog, &slot.name, option)?;
        }
    }
    Ok(recorded)
}

/// All full choices that have what is `given` and differ from what is recorded in exactly `budget` other slots.
fn search(catalog: &Catalog, recorded: &Choices, given: Choices, budget: usize, found: &mut Vec<Choices>) {
    if !given.broken_rules(catalog).is_empty() {
        return;
    }
    let Some(slot) = given.open(catalog).next() else {
        if budget == 0 {
            found.push(given);
        }
        return;
    };
    for part in &slot.options {
        let cost = usize::from(recorded.get(&slot.name) != Some(part.name.as_str()));
        if cost <= budget {
            search(catalog, recorded, given.with(part), budget - cost, found);
        }
    }
}

fn moves(catalog: &Catalog, owned: &Owned, asked: &Choices, choices: &Choices) -> Vec<Move> {
    let along = choices
        .iter()
        .filter(|(slot, option)| asked.get(slot).is_none() && owned.recorded(slot) != Some(option));
    let to_move = |(slot, option): (&str, &str)| Move {
        slot: slot.to_owned(),
        from: owned.recorded(slot).map(str::to_owned),
        to: option.to_owned(),
        locked: catalog.slot(slot).ok().and_then(lock_of),
    };
    along.map(to_move).collect()
}

fn lock_of(slot: &Slot) -> Option<String> {
    match &slot.lock()?.hold {
        Hold::Locked(reason) => Some(reason.clone()),
        Hold::Narrowed => None,
    }
}

impl Move {
    /// Whether it takes something from the owner that nobody but they can decide.
    pub fn is_a_question(&self) -> bool {
        self.from.is_some() && self.locked.is_none()
    }
}

/// `SLOT=OPTION…`, each of them one that the catalog has.
pub fn asked(catalog: &Catalog, pairs: &[String]) -> Result<Choices> {
    let mut asked = Choices::default();
    for pair in pairs {
        let Some((slot, option)) = pair.split_once('=') else {
            let error = Error::usage(format!("`{pair}` is not an answer"));
            return Err(match catalog.slot(pair) {
                Ok(slot) => error.help(format!(
                    "formwork set {pair}={}",
                    slot.option_names().collect::<Vec<_>>().join("|")
                )),
                Err(_) => error.help("give it as SLOT=OPTION; what there is: formwork options"),
            });
        };
        let (slot, option) = (slot.trim(), option.trim());
        if catalog.slot(slot).is_err() {
            return Err(unknown_slot(slot, catalog.slots().iter().map(|slot| slot.name.as_str())));
        }
        if let Some(other) = asked.get(slot).filter(|other| *other != option) {
            return Err(Error::usage(format!("`{slot}` is asked to be both `{other}` and `{option}`")));
        }
        asked.set(catalog, slot, option)?;
    }
    Ok(asked)
}

/// The command that asks for all of it, so that nothing is left to find.
pub fn command(asked: &Choices, settled: &Settled) -> String {
    let pairs = asked.iter().map(|(slot, option)| format!("{slot}={option}"));
    let along = settled.along.iter().filter(|one| one.is_a_question());
    let along = along.map(|one| format!("{}={}", one.slot, one.to));
    format!("formwork set {}", pairs.chain(along).collect::<Vec<_>>().join(" "))
}
