//! What tokens cost, in whole numbers: a fraction that is lost a million times a day is money.

use std::{
    collections::BTreeMap,
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
};

use super::Usage;

/// Prices are lists of dollars for a million tokens.
const TOKENS: u128 = 1_000_000;

/// Digits after the point of a dollar that a nano-dollar has.
const DIGITS: usize = 9;

/// Whole nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NanoUsd(pub u64);

impl Add for NanoUsd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl NanoUsd {
    /// Dollars as a person writes them, such as `0.25`.
    pub fn of_dollars(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || fraction.len() > DIGITS {
            return None;
        }
        let nanos: u64 = format!("{fraction:0<DIGITS$}").parse().ok()?;
        let whole: u64 = whole.parse().ok()?;
        whole
            .checked_mul(1_000_000_000)?
            .checked_add(nanos)
            .map(Self)
    }
}

/// In dollars, to the last nano-dollar.
impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:09}",
            self.0 / 1_000_000_000,
            self.0 % 1_000_000_000
        )
    }
}

/// What a million tokens of one model cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub input: NanoUsd,
    pub output: NanoUsd,
    pub cached_input: NanoUsd,
}

impl Price {
    /// `input`, `input/output` or `input/output/cached input`, in dollars for a million tokens.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(NanoUsd::of_dollars);
        let input = parts.next()??;
        let output = parts.next().unwrap_or(Some(NanoUsd(0)))?;
        let cached_input = parts.next().unwrap_or(Some(input))?;
        parts.next().is_none().then_some(Self {
            input,
            output,
            cached_input,
        })
    }

    /// Rounded up, so that nothing is free that is not.
    fn cost(self, usage: Usage) -> NanoUsd {
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        let parts = [
            (usage.input_tokens - cached, self.input),
            (cached, self.cached_input),
            (usage.output_tokens, self.output),
        ];
        let cost: u128 = parts
            .iter()
            .map(|(tokens, price)| u128::from(*tokens) * u128::from(price.0))
            .sum();
        NanoUsd(u64::try_from(cost.div_ceil(TOKENS)).unwrap_or(u64::MAX))
    }
}

/// The price of each model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<String, Price>);

impl Prices {
    /// `model=price` each; the error names what cannot be read.
    pub fn parse(entries: &[String]) -> Result<Self, String> {
        let read = |entry: &String| {
            let (model, price) = entry.split_once('=')?;
            Some((model.trim().to_owned(), Price::parse(price.trim())?))
        };
        let prices = entries
            .iter()
            .map(|entry| read(entry).ok_or_else(|| entry.clone()));
        prices.collect::<Result<_, _>>().map(Self)
    }

    pub fn has(&self, model: &str) -> bool {
        self.0.contains_key(model)
    }

    /// A model without a price costs nothing; the configuration refuses to name one.
    pub fn cost(&self, model: &str, usage: Usage) -> NanoUsd {
        let price = self.0.get(model);
        price.map(|price| price.cost(usage)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input_tokens: u64, output_tokens: u64, cached_input_tokens: u64) -> Usage {
        Usage {
            input_tokens,
            output_tokens,
            cached_input_tokens,
            is_estimated: false,
        }
    }

    fn prices(text: &str) -> Result<Prices, String> {
        let entries: Vec<String> = text.split(',').map(str::to_owned).collect();
        Prices::parse(&entries)
    }

    #[test]
    fn dollars_are_read_to_the_last_nano() {
        let nanos = |text| NanoUsd::of_dollars(text).map(|nanos| nanos.0);
        assert_eq!(nanos("2"), Some(2_000_000_000));
        assert_eq!(nanos("0.25"), Some(250_000_000));
        assert_eq!(nanos("0.000000001"), Some(1));
        for wrong in ["", ".5", "1.", "-1", "1e3", "0.0000000001", "18446744074"] {
            assert_eq!(nanos(wrong), None, "{wrong}");
        }
        assert_eq!(NanoUsd(1_250_000_001).to_string(), "1.250000001");
    }

    #[test]
    fn tokens_cost_what_the_list_says_and_nothing_is_lost() {
        let prices = prices("m=0.25/2.00/0.025,e=0.02").expect("prices");
        let cost = |model, usage| prices.cost(model, usage).0;
        assert_eq!(
            cost("m", usage(1_000, 500, 400)),
            150_000 + 10_000 + 1_000_000
        );
        assert_eq!(cost("e", usage(1, 0, 0)), 20);
        // A third of a nano-dollar is one.
        let thirds = Prices::parse(&["t=0.000000333333".to_owned()]);
        assert_eq!(thirds, Err("t=0.000000333333".to_owned()));
        assert_eq!(cost("unknown", usage(1_000, 0, 0)), 0);
    }

    #[test]
    fn a_part_of_a_nano_dollar_is_a_whole_one() {
        let prices = prices("m=0.000000001").expect("prices");
        assert_eq!(prices.cost("m", usage(1, 0, 0)), NanoUsd(1));
        assert_eq!(prices.cost("m", usage(1_000_001, 0, 0)), NanoUsd(2));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for wrong in ["m", "m=", "m=1/2/3/4", "m=one"] {
            assert_eq!(prices(wrong), Err(wrong.to_owned()));
        }
    }
}
