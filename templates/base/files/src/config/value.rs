//! How a variable's text becomes a value, and what is said when it does not.

use std::{net::SocketAddr, time::Duration};

use bytesize::ByteSize;
use ipnet::IpNet;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use super::environment::PREFIX;

const LONGEST_DURATION: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Parses a variable; the error says what was expected.
pub trait Parse: Sized {
    fn parse(text: &str) -> Result<Self, String>;

    /// Stands in for a value that did not parse, so that reading can go on; it never takes effect.
    fn fallback() -> Self;
}

impl Parse for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn fallback() -> Self {
        Self::new()
    }
}

impl Parse for u32 {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "expected a whole number".to_owned())
    }

    fn fallback() -> Self {
        1
    }
}

impl Parse for u16 {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "expected ports such as 443, separated by commas".to_owned())
    }

    fn fallback() -> Self {
        1
    }
}

impl Parse for Duration {
    fn parse(text: &str) -> Result<Self, String> {
        let duration = humantime::parse_duration(text).map_err(|_| {
            "expected a duration with its unit, such as 250ms, 10s or 5m".to_owned()
        })?;
        // Far beyond what anybody waits for, and near enough that the clock can reckon with it.
        if duration > LONGEST_DURATION {
            return Err("expected a duration of at most 365d".to_owned());
        }
        Ok(duration)
    }

    fn fallback() -> Self {
        Self::from_secs(1)
    }
}

impl Parse for ByteSize {
    fn parse(text: &str) -> Result<Self, String> {
        match text.parse::<u64>() {
            Ok(_) => Err("expected a size with its unit, such as 64KiB or 1MiB".to_owned()),
            Err(_) => text
                .parse()
                .map_err(|_| "expected a size such as 64KiB or 1MiB".to_owned()),
        }
    }

    fn fallback() -> Self {
        Self::b(1)
    }
}

impl Parse for SocketAddr {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8080".to_owned())
    }

    fn fallback() -> Self {
        Self::from(([127, 0, 0, 1], 0))
    }
}

/// Empty text is nothing.
impl<T: Parse> Parse for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(None)
        } else {
            T::parse(text).map(Some)
        }
    }

    fn fallback() -> Self {
        None
    }
}

impl Parse for IpNet {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "expected networks such as 10.0.0.0/8, separated by commas".to_owned())
    }

    fn fallback() -> Self {
        Self::from(std::net::IpAddr::from([127, 0, 0, 1]))
    }
}

/// What is logged: a level for all, and levels for targets.
impl Parse for Targets {
    fn parse(text: &str) -> Result<Self, String> {
        // A level that is misspelt would be taken for the name of a target.
        let is_level =
            |directive: &str| !directive.is_empty() && directive.parse::<LevelFilter>().is_ok();
        let is_clear = |directive: &str| directive.contains('=') || is_level(directive);
        let filter = text.parse().ok();
        filter
            .filter(|_| text.split(',').map(str::trim).all(is_clear))
            .ok_or_else(|| {
                "expected a level (error, warn, info, debug, trace, off), and levels of targets \
                 where they differ, such as info,sqlx=warn"
                    .to_owned()
            })
    }

    fn fallback() -> Self {
        Self::new()
    }
}

/// A list is separated by commas; empty text is the empty list.
impl<T: Parse> Parse for Vec<T> {
    fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(T::parse)
            .collect()
    }

    fn fallback() -> Self {
        Self::new()
    }
}

pub(super) fn unknown_choice(name: &str, text: &str, choices: &[&str]) -> String {
    format!("{name} is {text:?}: expected one of {}", choices.join(", "))
}

pub(super) fn unknown_variable(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (likeness(name, candidate), candidate))
        .filter(|(score, _)| *score > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, candidate)) => {
            format!("{name} is not a variable of this service: did you mean {candidate}?")
        }
        None => format!("{name} is not a variable of this service"),
    }
}

/// Without the prefix, which every variable shares.
fn likeness(name: &str, candidate: &str) -> f64 {
    let own = |name: &str| name.trim_start_matches(PREFIX).to_owned();
    strsim::jaro_winkler(&own(name), &own(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_names_no_level_is_refused() {
        assert!(Targets::parse("info,sqlx=warn").is_ok());
        for unclear in ["", "inof", "info,sqlx", "info,sqlx=loud"] {
            assert!(Targets::parse(unclear).is_err(), "{unclear}");
        }
    }
}
