//! A project's name: what cargo, its registry and file systems all accept.

use std::fmt;

use heck::ToKebabCase as _;

use crate::error::{Error, Result};

/// The longest name that the registry takes.
const LONGEST: usize = 64;

/// A valid name of a package and of its binary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectName(String);

impl ProjectName {
    pub fn new(name: &str) -> Result<Self> {
        let Some(problem) = problem_of(name) else { return Ok(Self(name.to_owned())) };
        let error = Error::usage(format!("`{name}` cannot be a project's name: {problem}"));
        Err(match suggestion(name) {
            Some(better) => error.help(format!("a name that works: --name {better}")),
            None => error.help("give another one: --name NAME"),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn problem_of(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    let stranger = |c: &char| !(c.is_ascii_alphanumeric() || *c == '-' || *c == '_');
    if name.is_empty() {
        Some("it is empty".into())
    } else if let Some(character) = name.chars().find(stranger) {
        Some(format!("it has the character {character:?}; only a-z, A-Z, 0-9, - and _ are allowed"))
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Some("it must start with a letter".into())
    } else if name.len() > LONGEST {
        Some(format!("it has {} characters; {LONGEST} is the most that cargo's registry takes", name.len()))
    } else if KEYWORDS.contains(&name) {
        Some("it is a keyword of Rust".into())
    } else if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| *reserved == lower) {
        Some((*why).into())
    } else if is_windows_device(name) {
        Some("Windows keeps it for a device, so the folder could not be made there".into())
    } else {
        None
    }
}

/// The nearest name that works, if there is one.
fn suggestion(name: &str) -> Option<String> {
    let ascii: String = name.chars().map(|c| if c.is_ascii() { c } else { ' ' }).collect();
    let kebab = ascii.to_kebab_case();
    let kebab = kebab.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let cut = kebab.get(..kebab.len().min(LONGEST))?.trim_end_matches('-');
    let longer = format!("{cut}-service");
    [cut, &longer].into_iter().find(|name| problem_of(name).is_none()).map(str::to_owned)
}

/// Strict and reserved words of all editions; cargo refuses each as a package's name.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// Lower case, with `_` for `-`.
const RESERVED: &[(&str, &str)] = &[
    ("test", "it is the name of Rust's test library"),
    ("core", "it is the name of a standard library"),
    ("std", "it is the name of a standard library"),
    ("alloc", "it is the name of a standard library"),
    ("proc_macro", "it is the name of a standard library"),
    ("service", "the library of every project is called that, and the binary would collide with it"),
    ("build", "cargo has a folder of that name for its own output"),
    ("deps", "cargo has a folder of that name for its own output"),
    ("examples", "cargo has a folder of that name for its own output"),
    ("incremental", "cargo has a folder of that name for its own output"),
];

const WINDOWS_DEVICES: &[&str] = &[
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Whether Windows refuses a file or folder of this name, whatever its extension.
pub fn is_windows_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    WINDOWS_DEVICES.iter().any(|device| device.eq_ignore_ascii_case(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_are_taken_as_they_are() {
        let longest = "n".repeat(64);
        for name in ["a", "orders", "my_app", "Zed", "order-service", "a1", "r2d2", "bytes", &longest] {
            assert_eq!(ProjectName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn bad_names_say_why_and_what_would_work() {
        let too_long = "n".repeat(65);
        for (name, why, better) in [
            ("", "empty", None),
            ("My Service", "' '", Some("my-service")),
            ("order.service", "'.'", Some("order-service")),
            ("größe", "'ö'", Some("gr-e")),
            ("9lives", "start with a letter", Some("lives")),
            ("-x", "start with a letter", Some("x")),
            ("_x", "start with a letter", Some("x")),
            ("async", "keyword", Some("async-service")),
            ("gen", "keyword", Some("gen-service")),
            ("test", "test library", Some("test-service")),
            ("Core", "standard library", Some("core-service")),
            ("proc-macro", "standard library", Some("proc-macro-service")),
            ("service", "collide", Some("service-service")),
            ("build", "own output", Some("build-service")),
            ("CON", "Windows", Some("con-service")),
            ("lpt9", "Windows", Some("lpt9-service")),
            ("日本", "'日'", None),
            (&too_long, "65 characters", Some(&*"n".repeat(64))),
        ] {
            let error = ProjectName::new(name).unwrap_err();
            assert!(error.message.contains(why), "{name}: {error}");
            let offered = error.help[0].strip_prefix("a name that works: --name ");
            assert_eq!(offered, better, "{name}");
            assert!(offered.is_none_or(|name| problem_of(name).is_none()), "{offered:?}");
        }
    }

    #[test]
    fn devices_are_found_whatever_follows_the_dot() {
        for (name, device) in [("aux.rs", true), ("NUL", true), ("auxiliary.rs", false), ("com10", false)] {
            assert_eq!(is_windows_device(name), device, "{name}");
        }
    }
}
