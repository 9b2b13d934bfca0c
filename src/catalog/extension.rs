//! What a preset adds to a catalog, and what it takes away.

use std::fmt;

use super::{Catalog, File, Mount, load};
use crate::error::{Error, Location, Result};

/// The folder of the parts that every project of a preset has. No slot is called that.
pub(super) const PARTS: &str = "preset";
const OVERLAYS: &str = "preset.overlay";
const LOCKS: &str = "preset.lock";

/// Whether a top folder of a source belongs to presets and not to a slot.
pub(super) fn is_reserved(folder: &str) -> bool {
    [PARTS, OVERLAYS, LOCKS].contains(&folder)
}

#[derive(Clone, Debug, Default)]
pub struct Extension {
    mounts: Vec<Mount>,
    overlays: Vec<String>,
    locks: Vec<String>,
}

impl Extension {
    /// All files, each with the path that it gets.
    pub fn files(&self) -> impl Iterator<Item = (String, &File)> {
        let of = |mount| {
            let Mount { at, files, .. }: &Mount = mount;
            files.iter().map(move |file| (format!("{at}/{}", file.path), file))
        };
        self.mounts.iter().flat_map(of)
    }

    /// A part that every project has; `files` are its folder's.
    pub fn add_part(&mut self, name: &str, mut mount: Mount) {
        mount.at = format!("{PARTS}/{name}");
        self.mounts.push(mount);
    }

    /// A further option of a slot.
    pub fn add_option(&mut self, slot: &str, option: &str, mut mount: Mount) {
        mount.at = format!("{slot}/{option}");
        self.mounts.push(mount);
    }

    /// Files that come after those of all parts, and after those of overlays before.
    pub fn add_overlay(&mut self, mut mount: Mount) {
        mount.at = format!("{OVERLAYS}/{}", self.overlays.len());
        self.overlays.push(mount.at.clone());
        self.mounts.push(mount);
    }

    /// A lock of the crates that the preset's parts bring.
    pub fn add_lock(&mut self, root: std::path::PathBuf, text: String) {
        let at = format!("{LOCKS}/{}", self.locks.len());
        let file = File { path: "".into(), bytes: text.into_bytes().into(), executable: false };
        self.locks.push(at.clone());
        self.mounts.push(Mount { at, root, files: vec![file] });
    }

    pub fn has_part(&self, name: &str) -> bool {
        let at = format!("{PARTS}/{name}");
        self.mounts.iter().any(|mount| mount.at == at)
    }

    pub fn has_option(&self, slot: &str, option: &str) -> bool {
        let at = format!("{slot}/{option}");
        self.mounts.iter().any(|mount| mount.at == at)
    }
}

/// The options that a preset leaves of a slot.
#[derive(Clone, Debug)]
pub struct Limit {
    pub slot: String,
    /// The first is the recommended one.
    pub allowed: Vec<String>,
    pub hold: Hold,
    /// Where the preset says so.
    pub at: Location,
}

/// How much of the choice is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// None, and why.
    Locked(String),
    /// Some options.
    Narrowed,
}

impl Limit {
    pub(super) fn refuse(&self, slot: &str, option: &str) -> Error {
        let allowed = self.allowed.join(", ");
        let error = match &self.hold {
            Hold::Locked(reason) => Error::usage(format!("`{slot}` is locked to `{allowed}`: {reason}")),
            Hold::Narrowed => Error::usage(format!("the preset does not allow {slot}={option}"))
                .help(format!("it allows: {allowed}")),
        };
        Error { at: Some(self.at.clone()), ..error }
    }
}

/// A variable of a preset: what is asked, and what an answer must look like.
#[derive(Clone, Debug)]
pub struct Question {
    pub name: String,
    pub ask: String,
    /// What the pattern means, for people.
    pub hint: Option<String>,
    pub pattern: Option<Pattern>,
    pub default: Option<String>,
    /// What `formwork preset check` answers where there is no default.
    pub example: Option<String>,
    pub at: Location,
}

/// The longest answer to a preset's own question.
const LONGEST_ANSWER: usize = 1_000;

impl Question {
    /// Whether `value` can be its answer.
    pub fn check(&self, value: &str) -> Result<()> {
        let refused = |why: String| {
            let error = Error::usage(format!("`{}` cannot be {value:?}: {why}", self.name));
            let error = Error { at: Some(self.at.clone()), ..error };
            Err(self.hint.iter().fold(error, |error, hint| error.help(hint.clone())))
        };
        match &self.pattern {
            _ if value.chars().count() > LONGEST_ANSWER => {
                refused(format!("it has more than {LONGEST_ANSWER} characters"))
            }
            _ if value.chars().any(char::is_control) => refused("it has a control character".to_owned()),
            Some(pattern) if !pattern.is_match(value) => refused(format!("it must match {pattern}")),
            _ => Ok(()),
        }
    }
}

/// A regular expression that a whole answer must match. Matching takes time that is linear in the answer.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: regex_lite::Regex,
}

const LONGEST_PATTERN: usize = 1_000;
/// Bytes of a compiled pattern: enough for any that a person would write.
const LARGEST_PATTERN: usize = 256 * 1024;

impl Pattern {
    pub fn new(text: &str) -> Result<Self> {
        let wrong = || Error::usage(format!("`{}` is not a pattern", shortened(text)));
        if text.chars().count() > LONGEST_PATTERN {
            return Err(wrong().cause(format!("it has more than {LONGEST_PATTERN} characters")));
        }
        let regex = regex_lite::RegexBuilder::new(&format!("^(?:{text})$"))
            .size_limit(LARGEST_PATTERN)
            .build()
            .map_err(|error| wrong().cause(error))?;
        Ok(Self { text: text.to_owned(), regex })
    }

    fn is_match(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Catalog {
    /// This catalog with what a preset adds.
    pub fn extended(&self, extension: Extension) -> Result<Self> {
        let mut catalog = load::load(self.source.joined(extension.mounts))?;
        catalog.overlays = extension.overlays;
        catalog.locks = extension.locks;
        Ok(catalog)
    }

    /// This catalog without what a preset bars, and with what it asks.
    #[must_use]
    pub fn limited(mut self, limits: Vec<Limit>, questions: Vec<Question>) -> Self {
        self.questions = questions;
        for limit in limits {
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.name == limit.slot) {
                slot.narrow(limit);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(pattern: &str) -> Question {
        Question {
            name: "team".into(),
            ask: "Owning team?".into(),
            hint: Some("lower case and dashes".into()),
            pattern: Some(Pattern::new(pattern).unwrap()),
            default: None,
            example: None,
            at: Location { file: "acme.toml".into(), line: Some(3) },
        }
    }

    #[test]
    fn a_whole_answer_must_match_whether_or_not_the_pattern_is_anchored() {
        for pattern in ["[a-z-]+", "^[a-z-]+$", "a|[a-z-]+"] {
            assert!(question(pattern).check("pay-ments").is_ok(), "{pattern}");
            for wrong in ["Payments", "pay ments", "", "pay\n", "a\nb"] {
                let error = question(pattern).check(wrong).unwrap_err();
                assert!(
                    error.help.contains(&"lower case and dashes".to_owned()),
                    "{pattern} {wrong}: {error}"
                );
            }
        }
    }

    #[test]
    fn a_pattern_that_would_grow_without_bound_is_refused() {
        for wrong in ["(", "(a{1000}){1000}", &"a".repeat(1_001), "\\p{Greek}"] {
            assert!(Pattern::new(wrong).is_err(), "{wrong}");
        }
        let slow = question("(a+)+");
        assert!(slow.check(&format!("{}b", "a".repeat(999))).is_err());
    }
}
