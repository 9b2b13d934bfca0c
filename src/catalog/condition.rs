//! Conditions on other slots: `storage=postgres & cache!=none`.

use std::collections::BTreeMap;

use crate::error::{Error, Result, did_you_mean};

/// Which options each slot has; what a condition may speak of.
pub(super) type Vocabulary = BTreeMap<String, Vec<String>>;

/// Terms that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    slot: String,
    options: Vec<String>,
    /// `!=`: the slot must take none of the options.
    negated: bool,
}

/// Whether a condition holds while some slots are still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    Fails,
    Open,
}

impl Condition {
    /// Parses and checks the names; the caller adds where it stands.
    pub(super) fn parse(text: &str, known: &Vocabulary) -> Result<Self> {
        text.split('&').map(|term| Term::parse(term.trim(), known)).collect::<Result<_>>().map(Self)
    }

    /// `chosen` gives a slot's option, or nothing while it is open.
    pub fn verdict<'a>(&self, chosen: impl Fn(&str) -> Option<&'a str>) -> Verdict {
        let verdicts: Vec<_> = self.0.iter().map(|term| term.verdict(&chosen)).collect();
        if verdicts.contains(&Verdict::Fails) {
            Verdict::Fails
        } else if verdicts.contains(&Verdict::Open) {
            Verdict::Open
        } else {
            Verdict::Holds
        }
    }
}

impl Term {
    fn parse(text: &str, known: &Vocabulary) -> Result<Self> {
        let Some((left, options)) = text.split_once('=') else {
            return Err(Error::usage(format!("`{text}` is not a condition"))
                .help("a term is slot=option, slot=a|b or slot!=option; terms are joined by ` & `"));
        };
        let (slot, negated) = match left.strip_suffix('!') {
            Some(slot) => (slot.trim(), true),
            None => (left.trim(), false),
        };
        let possible = known.get(slot).ok_or_else(|| unknown_slot(slot, known.keys().map(String::as_str)))?;
        let options: Vec<_> = options.split('|').map(|option| option.trim().to_owned()).collect();
        match options.iter().find(|option| !possible.contains(option)) {
            Some(option) => Err(unknown_option(slot, option, possible.iter().map(String::as_str))),
            None => Ok(Self { slot: slot.to_owned(), options, negated }),
        }
    }

    fn verdict<'a>(&self, chosen: impl Fn(&str) -> Option<&'a str>) -> Verdict {
        match chosen(&self.slot) {
            None => Verdict::Open,
            Some(option) if self.options.iter().any(|o| o == option) != self.negated => Verdict::Holds,
            Some(_) => Verdict::Fails,
        }
    }
}

/// The error for a slot that the catalog does not have.
pub fn unknown_slot<'a>(typed: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    named(format!("there is no slot `{typed}`"), "slots", typed, known)
}

/// The error for an option that the slot does not have.
pub fn unknown_option<'a>(slot: &str, typed: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    named(format!("slot `{slot}` has no option `{typed}`"), "options", typed, known)
}

fn named<'a>(
    message: String,
    what: &str,
    typed: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Error {
    let error = Error::usage(message);
    let error = match did_you_mean(typed, known.clone()) {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error,
    };
    error.help(format!("{what}: {}", known.collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vocabulary {
        let options = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        BTreeMap::from([
            ("storage".to_owned(), options(&["sqlite", "postgres", "mysql"])),
            ("cache".to_owned(), options(&["none", "memory", "redis"])),
        ])
    }

    fn verdict(text: &str, chosen: &[(&'static str, &'static str)]) -> Verdict {
        let condition = Condition::parse(text, &known()).unwrap();
        condition.verdict(|slot| chosen.iter().find(|(name, _)| *name == slot).map(|(_, option)| *option))
    }

    #[test]
    fn terms_hold_fail_or_stay_open() {
        let postgres = [("storage", "postgres")];
        let both = [("storage", "postgres"), ("cache", "none")];
        for (text, chosen, expected) in [
            ("storage=postgres", &postgres[..], Verdict::Holds),
            ("storage=sqlite|postgres", &postgres[..], Verdict::Holds),
            ("storage=sqlite | mysql", &postgres[..], Verdict::Fails),
            ("storage!=postgres", &postgres[..], Verdict::Fails),
            ("storage != sqlite", &postgres[..], Verdict::Holds),
            ("cache=redis", &postgres[..], Verdict::Open),
            ("cache!=redis", &postgres[..], Verdict::Open),
            ("storage=postgres & cache=none", &both[..], Verdict::Holds),
            ("storage=postgres & cache=redis", &both[..], Verdict::Fails),
            ("storage=sqlite & cache=redis", &postgres[..], Verdict::Fails),
            ("storage=postgres&cache=redis", &postgres[..], Verdict::Open),
        ] {
            assert_eq!(verdict(text, chosen), expected, "{text} with {chosen:?}");
        }
    }

    #[test]
    fn unknown_names_are_errors_with_a_guess() {
        for (text, message, help) in [
            ("storge=sqlite", "there is no slot `storge`", "did you mean `storage`?"),
            ("storage=postgers", "slot `storage` has no option `postgers`", "did you mean `postgres`?"),
            ("storage", "`storage` is not a condition", "a term is"),
            ("storage=sqlite &", "`` is not a condition", "a term is"),
        ] {
            let error = Condition::parse(text, &known()).unwrap_err();
            assert_eq!(error.message, message);
            assert!(error.help[0].contains(help), "{error}");
        }
    }
}
