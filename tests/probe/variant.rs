//! A service that was changed, and what the probe must say of it on every option of the slot `concurrency`.

use std::collections::BTreeSet;

use formwork::{
    catalog::Catalog,
    check::report::{Case, CaseOutcome},
};

use crate::{
    source::{Change, Source},
    workshop::{Concurrency, Kind, Workshop},
};

/// What the default project promises, and the probe can test.
const ALL: [&str; 12] = ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12"];

type Names = &'static [&'static str];

/// A changed service. What it neither breaks nor leaves unclaimed, it keeps.
pub(crate) struct Variant {
    change: Box<dyn Fn(&mut Source)>,
    asks_a_model: bool,
    broken: Names,
    not_claimed: Names,
    /// Words that the reasons have, and words that they have not.
    because: &'static str,
    not_because: Option<&'static str>,
}

/// The service with these changes breaks exactly `broken`, and the reason has the words of `because`.
pub(crate) fn breaks<const COUNT: usize>(
    broken: Names,
    because: &'static str,
    changes: [Change; COUNT],
) -> Variant {
    let change = move |source: &mut Source| changes.iter().for_each(|change| source.apply(change));
    Variant { broken, because, ..keeps(change) }
}

/// The service that is changed so still keeps what it promises.
pub(crate) fn keeps(change: impl Fn(&mut Source) + 'static) -> Variant {
    Variant {
        change: Box::new(change),
        asks_a_model: true,
        broken: &[],
        not_claimed: &[],
        because: "",
        not_because: None,
    }
}

impl Variant {
    /// But for these, for a reason that has the words of `because` and not those of `not_because`.
    pub(crate) fn breaking(self, broken: Names, because: &'static str, not_because: &'static str) -> Self {
        Self { broken, because, not_because: Some(not_because), ..self }
    }

    /// Poured without a model to ask.
    pub(crate) fn without_model(self) -> Self {
        Self { asks_a_model: false, ..self }
    }

    /// No endpoint claims these.
    pub(crate) fn not_claiming(self, not_claimed: Names) -> Self {
        Self { not_claimed, ..self }
    }

    fn kind(&self, concurrency: Concurrency) -> Kind {
        Kind { asks_a_model: self.asks_a_model, concurrency }
    }

    /// Its changes fit the source of every option, and make Rust. That needs no build, so it is known at once.
    pub(crate) fn fits(&self) {
        for concurrency in Concurrency::ALL {
            let mut source = Source::of(self.kind(concurrency));
            (self.change)(&mut source);
            for (file, _, text) in source.changes() {
                let text = text.filter(|_| file.ends_with(".rs")).unwrap_or_default();
                if let Err(error) = syn::parse_file(text) {
                    panic!("on {}, {file} is no Rust: {error}\n{text}", concurrency.name());
                }
            }
        }
    }

    /// Builds it and probes it.
    pub(crate) fn is_judged_on(&self, concurrency: Concurrency) {
        let cases = Workshop::enter(self.kind(concurrency)).probe(&self.change);
        let reasons = reasons(&cases);
        assert_eq!(with(CaseOutcome::Broken, &cases), self.broken, "{reasons}");
        assert_eq!(with(CaseOutcome::NotClaimed, &cases), self.not_claimed, "{reasons}");
        let is_kept = |promise: &&str| !self.broken.contains(promise) && !self.not_claimed.contains(promise);
        let kept: Vec<&str> = ALL.into_iter().filter(is_kept).collect();
        assert_eq!(with(CaseOutcome::Kept, &cases), kept, "{reasons}");
        assert!(reasons.contains(self.because), "expected {:?} in:\n{reasons}", self.because);
        let wrong = self.not_because.filter(|wrong| reasons.contains(wrong));
        assert_eq!(wrong, None, "{reasons}");
    }
}

/// The promises with this outcome, in their order.
fn with(outcome: CaseOutcome, cases: &[Case]) -> Vec<&str> {
    let cases = cases.iter().filter(|case| case.outcome == outcome);
    cases.map(|case| case.name.split(' ').next().unwrap_or_default()).collect()
}

/// The sentences that say why.
fn reasons(cases: &[Case]) -> String {
    let red = cases.iter().filter(|case| case.outcome.is_red());
    red.map(|case| format!("{}: {}\n", case.name, case.detail.as_deref().unwrap_or_default())).collect()
}

/// A test on each option. The default's is always run; the others have turns, for which `cargo xtask test` asks by name
/// (docs/ci.md).
macro_rules! on_each_option {
    ($judge:expr) => {
        #[test]
        fn on_async() {
            $judge(crate::workshop::Concurrency::Async);
        }

        #[test]
        #[ignore = "has its turn in `cargo xtask test`, and is run by `cargo xtask full`"]
        fn on_threads() {
            $judge(crate::workshop::Concurrency::Threads);
        }

        #[test]
        #[ignore = "has its turn in `cargo xtask test`, and is run by `cargo xtask full`"]
        fn on_per_core() {
            $judge(crate::workshop::Concurrency::PerCore);
        }
    };
}

/// The tests of variants, by the names of the functions that make them.
macro_rules! tests_of {
    ($($variant:ident),+ $(,)?) => { $(
        mod $variant {
            #[test]
            fn fits() {
                super::$variant().fits();
            }

            crate::variant::on_each_option!(|concurrency| super::$variant().is_judged_on(concurrency));
        }
    )+ };
}

pub(crate) use {on_each_option, tests_of};

#[test]
fn variants_are_judged_on_every_option() {
    let catalog = Catalog::embedded().expect("a catalog");
    let slot = catalog.slot("concurrency").expect("the slot");
    let options: BTreeSet<&str> = slot.option_names().collect();
    assert_eq!(options, BTreeSet::from(Concurrency::ALL.map(Concurrency::name)));
    assert_eq!(slot.default, Concurrency::Async.name(), "the one that is not ignored");
}
