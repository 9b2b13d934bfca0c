//! How the simulator behaves: as usual, as the first rule that fits says, or as the question itself says in
//! `[[sim: …]]`. All are words such as `first_token=2s` or `never_end`.

use std::{sync::Mutex, time::Duration};

use http::StatusCode;

use crate::lock::LockAnyway as _;

/// Around the words in a question.
const MARKS: (&str, &str) = ("[[sim:", "]]");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Chat,
    Embeddings,
}

/// What is done with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Before the head of the answer.
    pub slow_headers: Duration,
    /// After it, before the first token.
    pub first_token: Duration,
    /// Between tokens.
    pub gap: Duration,
    /// How many there are, whatever the answer says.
    pub tokens: Option<usize>,
    /// An error in place of an answer.
    pub status: Option<u16>,
    /// Its `Retry-After`, as it is sent.
    pub retry_after: Option<String>,
    /// The connection is cut after so many tokens.
    pub cut_after: Option<usize>,
    /// Something that is no answer comes after so many tokens.
    pub garbage_after: Option<usize>,
    /// Silence comes after so many tokens, and lasts.
    pub stall_after: Option<usize>,
    /// The tokens come for ever.
    pub never_end: bool,
}

impl Act {
    /// An answer without any pause.
    pub const AT_ONCE: Self = Self {
        slow_headers: Duration::ZERO,
        first_token: Duration::ZERO,
        gap: Duration::ZERO,
        tokens: None,
        status: None,
        retry_after: None,
        cut_after: None,
        garbage_after: None,
        stall_after: None,
        never_end: false,
    };

    pub(super) fn status(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.status?).ok()
    }

    /// Whether `word` was one of an act.
    fn set(&mut self, word: &str) -> Result<bool, String> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "slow_headers" => self.slow_headers = duration(word, value)?,
            "first_token" => self.first_token = duration(word, value)?,
            "gap" => self.gap = duration(word, value)?,
            "tokens" => self.tokens = Some(number(word, value)?),
            "status" => self.status = Some(number(word, value)?),
            "retry_after" => self.retry_after = Some(value.to_owned()),
            "cut_after" => self.cut_after = Some(number(word, value)?),
            "garbage_after" => self.garbage_after = Some(number(word, value)?),
            "stall_after" => self.stall_after = Some(number(word, value)?),
            "never_end" => self.never_end = true,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Which requests fare how.
#[derive(Clone, Debug)]
pub struct Rule {
    kind: Option<Kind>,
    model: Option<String>,
    /// It fits no more once it has fitted so often.
    times: Option<u32>,
    /// Only each so many-th request that fits.
    every: u32,
    seen: u32,
    words: Vec<String>,
}

impl Rule {
    /// `kind=chat|embeddings`, `model=…`, `times=…` and `every=…` say which; the rest is what is done.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut rule = Self {
            kind: None,
            model: None,
            times: None,
            every: 1,
            seen: 0,
            words: Vec::new(),
        };
        for word in line.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            match (name, value) {
                ("kind", "chat") => rule.kind = Some(Kind::Chat),
                ("kind", "embeddings") => rule.kind = Some(Kind::Embeddings),
                ("model", value) => rule.model = Some(value.to_owned()),
                ("times", value) => rule.times = Some(number(word, value)?),
                ("every", value) => rule.every = number::<u32>(word, value)?.max(1),
                _ if Act::AT_ONCE.clone().set(word)? => rule.words.push(word.to_owned()),
                _ => return Err(format!("{word:?} is not a word of the simulator's")),
            }
        }
        Ok(rule)
    }

    /// One a line; empty lines and those that begin with `#` say nothing.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let lines = text.lines().map(str::trim);
        let rules = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        rules.map(Self::parse).collect()
    }

    fn fits(&mut self, kind: Kind, model: &str) -> bool {
        let fits = self.kind.is_none_or(|asked| asked == kind)
            && self.model.as_deref().is_none_or(|asked| asked == model);
        if !fits
            || self
                .times
                .is_some_and(|times| self.seen / self.every >= times)
        {
            return false;
        }
        self.seen += 1;
        self.seen.is_multiple_of(self.every)
    }
}

#[derive(Debug)]
pub(super) struct Script {
    usual: Act,
    rules: Mutex<Vec<Rule>>,
}

impl Script {
    pub(super) fn new(usual: Act, rules: Vec<Rule>) -> Self {
        Self {
            usual,
            rules: Mutex::new(rules),
        }
    }

    pub(super) fn replace(&self, rules: Vec<Rule>) {
        *self.rules.lock_anyway() = rules;
    }

    /// What is done with this request; a word of the question that cannot be read says nothing.
    pub(super) fn act(&self, kind: Kind, model: &str, prompt: &str) -> Act {
        let mut act = self.usual.clone();
        let mut rules = self.rules.lock_anyway();
        if let Some(rule) = rules
            .iter_mut()
            .find_map(|rule| rule.fits(kind, model).then_some(rule))
        {
            for word in &rule.words {
                act.set(word).ok();
            }
        }
        for word in words(prompt) {
            act.set(word).ok();
        }
        act
    }
}

/// Those between the marks; none where there are no marks.
fn words(prompt: &str) -> impl Iterator<Item = &str> {
    let (open, close) = MARKS;
    let inside = prompt.split_once(open).map_or("", |(_, rest)| rest);
    let inside = inside.split_once(close).map_or("", |(inside, _)| inside);
    inside.split_whitespace()
}

fn duration(word: &str, value: &str) -> Result<Duration, String> {
    humantime::parse_duration(value).map_err(|_| format!("{word:?} has no duration such as 2s"))
}

fn number<T: std::str::FromStr>(word: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{word:?} has no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(rules: &str) -> Script {
        Script::new(Act::AT_ONCE, Rule::parse_all(rules).expect("rules"))
    }

    fn status(script: &Script, model: &str) -> Option<u16> {
        script.act(Kind::Chat, model, "?").status
    }

    #[test]
    fn a_rule_says_which_requests_and_how_often() {
        let script = script(
            "# the big one is busy twice\nmodel=big times=2 status=503\n\nevery=2 status=500",
        );
        let statuses: Vec<_> = ["big", "small", "big", "big", "small"]
            .map(|model| status(&script, model))
            .into();
        assert_eq!(statuses, [Some(503), None, Some(503), Some(500), None]);
        script.replace(Vec::new());
        assert_eq!(status(&script, "small"), None);
    }

    #[test]
    fn the_question_has_the_last_word() {
        let script = script("status=503 gap=1s");
        let act = script.act(
            Kind::Chat,
            "m",
            "Why? [[sim: status=429 never_end x=1]] Because.",
        );
        assert_eq!((act.status, act.gap), (Some(429), Duration::from_secs(1)));
        assert!(act.never_end);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for wrong in ["statos=503", "gap=fast", "status=many"] {
            let error = Rule::parse(wrong).expect_err("it cannot be read");
            assert!(error.contains(wrong), "{error}");
        }
    }
}
