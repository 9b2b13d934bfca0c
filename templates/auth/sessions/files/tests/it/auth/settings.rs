//! What is refused before anything starts.

use service::config::{Config, Environment};

use crate::support::production;

#[test]
fn what_cannot_be_right_is_named() {
    for (name, value) in [
        ("APP__AUTH__IDLE_TIMEOUT", "0s"),
        ("APP__AUTH__IDLE_TIMEOUT", "13h"),
        ("APP__AUTH__LIFETIME", "91d"),
        ("APP__AUTH__ATTEMPTS_PER_ACCOUNT", "0"),
        ("APP__AUTH__ATTEMPTS_PER_ADDRESS", "0"),
        ("APP__AUTH__ATTEMPTS_WINDOW", "0s"),
    ] {
        let mut given = production::environment();
        given.insert(name, value);
        let given = given
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let read = Config::read(&mut Environment::new(given));
        let problems = read.map(drop).expect_err(name);
        let [problem] = problems.0.as_slice() else {
            panic!("{name}={value}: {problems:?}")
        };
        assert!(problem.starts_with(name), "{problem}");
    }
}
