//! Reads TOML with errors that name the file, the line and what was probably meant.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result, did_you_mean};

/// Parses `text`, which stands in `file`.
pub fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        let wrong = Error::usage(error.message().trim().replace('\n', ", ")).at(file, line);
        match meant(error.message()) {
            Some(name) => wrong.help(format!("did you mean `{name}`?")),
            None => wrong,
        }
    })
}

/// The line, counted from 1, on which the byte at `offset` stands.
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// serde names an unknown key and then the keys it knows, all in backticks.
fn meant(message: &str) -> Option<&str> {
    let rest = message.trim_start().strip_prefix("unknown ")?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let typed = quoted.next()?;
    did_you_mean(typed, quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        title: String,
        #[serde(default)]
        order: u32,
    }

    #[test]
    fn a_misspelt_key_names_its_line_and_the_key_that_was_meant() {
        let error = parse::<Sample>(Path::new("part.toml"), "title = \"a\"\n\nordre = 1\n").unwrap_err();
        assert_eq!(error.at.as_ref().and_then(|at| at.line), Some(3));
        assert!(error.message.contains("unknown field `ordre`"), "{error}");
        assert_eq!(error.help, ["did you mean `order`?"]);
    }

    #[test]
    fn a_value_of_the_wrong_type_names_its_line() {
        let error = parse::<Sample>(Path::new("part.toml"), "title = \"a\"\norder = \"x\"\n").unwrap_err();
        assert_eq!(error.at.as_ref().and_then(|at| at.line), Some(2));
        let fine: Sample = parse(Path::new("part.toml"), "title = \"a\"\n").unwrap();
        assert_eq!((fine.title.as_str(), fine.order), ("a", 0));
    }
}
