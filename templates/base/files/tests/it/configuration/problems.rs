//! Every bad configuration is refused with exactly what is wrong and what is expected.

use service::config::{Config, Environment, Problems};
use temp_dir::TempDir;

use crate::support::process::run;

fn problems(given: &[(&str, &str)]) -> Vec<String> {
    let development = ("APP__ENVIRONMENT", "development");
    let given = [&[development], given].concat();
    let given = given
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    match Config::read(&mut Environment::new(given)) {
        Ok(_) => Vec::new(),
        Err(Problems(problems)) => problems,
    }
}

const DURATION: &str = "expected a duration with its unit, such as 250ms, 10s or 5m";
const NUMBER: &str = "expected a whole number";
const ADDRESS: &str = "expected an IP address and a port, such as 127.0.0.1:8080";
const FILTER: &str = "expected a level (error, warn, info, debug, trace, off), and levels of \
                      targets where they differ, such as info,sqlx=warn";
const NETWORKS: &str = "expected networks such as 10.0.0.0/8, separated by commas";
const ORIGINS: &str =
    "expected origins such as https://app.example.com, with neither a path nor a wildcard";

/// Name, value, and what is said after `NAME `.
fn bad() -> Vec<(&'static str, &'static str, String)> {
    let is = |value: &str, expected: &str| format!("is {value:?}: {expected}");
    let has = |value: &str, expected: &str| format!("has {value:?}: {expected}");
    vec![
        ("APP__SERVER__REQUEST_TIMEOUT", "30", is("30", DURATION)),
        ("APP__SERVER__REQUEST_TIMEOUT", "", is("", DURATION)),
        ("APP__SERVER__BODY_TIMEOUT", "-1s", is("-1s", DURATION)),
        ("APP__SERVER__HEADER_TIMEOUT", "ten", is("ten", DURATION)),
        (
            "APP__SERVER__HEADER_TIMEOUT",
            "0s",
            "must be longer than zero".to_owned(),
        ),
        (
            "APP__SERVER__DRAIN_DELAY",
            "1000000y",
            is("1000000y", "expected a duration of at most 365d"),
        ),
        (
            "APP__SERVER__BODY_LIMIT",
            "1048576",
            is(
                "1048576",
                "expected a size with its unit, such as 64KiB or 1MiB",
            ),
        ),
        (
            "APP__SERVER__BODY_LIMIT",
            "large",
            is("large", "expected a size such as 64KiB or 1MiB"),
        ),
        (
            "APP__SERVER__BODY_LIMIT",
            "0KiB",
            "must be larger than nothing".to_owned(),
        ),
        ("APP__SERVER__ADDRESS", "8080", is("8080", ADDRESS)),
        (
            "APP__SERVER__ADDRESS",
            "localhost:8080",
            is("localhost:8080", ADDRESS),
        ),
        ("APP__SERVER__ADDRESS", "", is("", ADDRESS)),
        ("APP__ADMIN__ADDRESS", "127.0.0.1", is("127.0.0.1", ADDRESS)),
        ("APP__SERVER__MAX_CONNECTIONS", "many", is("many", NUMBER)),
        ("APP__SERVER__MAX_CONNECTIONS", "-1", is("-1", NUMBER)),
        (
            "APP__SERVER__MAX_CONNECTIONS",
            "0",
            "must be at least 1".to_owned(),
        ),
        ("APP__LIMITS__READS", "1.5", is("1.5", NUMBER)),
        ("APP__LIMITS__WRITES", "0", "must be at least 1".to_owned()),
        (
            "APP__RATE_LIMIT__BURST",
            "99999999999",
            is("99999999999", NUMBER),
        ),
        ("APP__SERVER__TRUSTED_PROXIES", "all", is("all", NETWORKS)),
        (
            "APP__SERVER__TRUSTED_PROXIES",
            "10.0.0.0/8;10.1.0.0/16",
            is("10.0.0.0/8;10.1.0.0/16", NETWORKS),
        ),
        ("APP__SERVER__CORS_ORIGINS", "*", has("*", ORIGINS)),
        (
            "APP__SERVER__CORS_ORIGINS",
            "https://app.example.com/",
            has("https://app.example.com/", ORIGINS),
        ),
        (
            "APP__SERVER__CORS_ORIGINS",
            "https://*.example.com",
            has("https://*.example.com", ORIGINS),
        ),
        (
            "APP__SERVER__CORS_ORIGINS",
            "app.example.com",
            has("app.example.com", ORIGINS),
        ),
        (
            "APP__LOG__FORMAT",
            "yaml",
            is("yaml", "expected one of pretty, json"),
        ),
        ("APP__LOG__FILTER", "inof", is("inof", FILTER)),
        (
            "APP__PAGINATION__CURSOR_KEY",
            "short",
            "must have at least 32 characters".to_owned(),
        ),
        (
            "APP__WEBHOOKS__KEY",
            "short",
            "must have at least 32 characters".to_owned(),
        ),
        (
            "APP__WEBHOOKS__OTHER_KEY",
            "short",
            "must have at least 32 characters".to_owned(),
        ),
        (
            "APP__WEBHOOKS__ALLOWED_PORTS",
            "443,https",
            is(
                "443,https",
                "expected ports such as 443, separated by commas",
            ),
        ),
        (
            "APP__PAGINATION__CURSOR_KEY_FILE",
            "/nowhere",
            "names a file that cannot be read: No such file or directory (os error 2)".to_owned(),
        ),
        (
            "APP__SERVER__ADRESS",
            "127.0.0.1:1",
            "is not a variable of this service: did you mean APP__SERVER__ADDRESS?".to_owned(),
        ),
        (
            "APP__SERVER_ADDRESS",
            "127.0.0.1:1",
            "is not a variable of this service: did you mean APP__SERVER__ADDRESS?".to_owned(),
        ),
        (
            "APP__LIMIT__READS",
            "1",
            "is not a variable of this service: did you mean APP__LIMITS__READS?".to_owned(),
        ),
        ("APP__", "1", "is not a variable of this service".to_owned()),
    ]
}

#[test]
fn each_is_told_exactly() {
    for (name, value, said) in bad() {
        assert_eq!(problems(&[(name, value)]), [format!("{name} {said}")]);
    }
}

#[test]
fn what_contradicts_itself_is_told() {
    let contradictions = [
        (
            ("APP__SERVER__REQUEST_TIMEOUT", "2s"),
            "APP__DATABASE__ACQUIRE_TIMEOUT must be shorter than APP__SERVER__REQUEST_TIMEOUT: \
             a request would end before it was told that the database is busy",
        ),
        (
            ("APP__IDEMPOTENCY__LEASE", "20s"),
            "APP__IDEMPOTENCY__LEASE must be longer than APP__SERVER__REQUEST_TIMEOUT: \
             a duplicate would run while the first request still does",
        ),
        (
            ("APP__SERVER__SHUTDOWN_GRACE", "19s"),
            "APP__SERVER__SHUTDOWN_GRACE must not be shorter than APP__SERVER__REQUEST_TIMEOUT: \
             a stop would cut off requests that are within their time",
        ),
    ];
    for (variable, said) in contradictions {
        assert_eq!(problems(&[variable]), [said]);
    }
}

#[test]
fn all_are_told_at_once() {
    // One value a name; rules between names are not judged by values that did not parse.
    let mut given: Vec<(&str, &str)> = Vec::new();
    let mut said = Vec::new();
    for (name, value, problem) in bad() {
        if given.iter().all(|(known, _)| *known != name) && !name.ends_with("_FILE") {
            given.push((name, value));
            said.push(format!("{name} {problem}"));
        }
    }
    assert!(given.len() > 15);
    let told = problems(&given);
    for problem in &said {
        assert!(
            told.contains(problem),
            "{problem:?} is missing in {told:#?}"
        );
    }
    assert_eq!(told.len(), said.len(), "{told:#?}");
}

#[test]
fn production_lists_what_it_needs() {
    let production = [("APP__ENVIRONMENT", "production")];
    let told = problems(&production);
    let needed = "APP__PAGINATION__CURSOR_KEY must be set in production: every instance must sign \
                  cursors alike; 32 random bytes as text will do";
    assert!(told.contains(&needed.to_owned()), "{told:#?}");
    let unknown = problems(&[("APP__ENVIRONMENT", "staging")]);
    let said = "APP__ENVIRONMENT is \"staging\": expected one of development, production";
    assert!(unknown.contains(&said.to_owned()), "{unknown:#?}");
}

#[tokio::test]
async fn every_command_refuses_with_the_list_and_code_78() {
    let folder = TempDir::new().expect("a folder");
    let variables = [
        ("APP__SERVER__ADRESS", "127.0.0.1:1"),
        ("APP__SERVER__BODY_LIMIT", "1048576"),
    ];
    for command in ["all", "serve", "migrate", "config", "token"] {
        let refused = run(folder.path(), &variables, &[command]).await;
        assert_eq!(refused.status.code(), Some(78), "{command}: {refused:?}");
        let said = String::from_utf8(refused.stderr).expect("text");
        assert_eq!(
            said.trim_end(),
            "2 problems in the configuration:\n  \
             - APP__SERVER__BODY_LIMIT is \"1048576\": expected a size with its unit, such as 64KiB or 1MiB\n  \
             - APP__SERVER__ADRESS is not a variable of this service: did you mean APP__SERVER__ADDRESS?\n\
             docs/configuration.md lists every variable.",
            "{command}"
        );
    }
    let left: Vec<_> = folder.path().read_dir().expect("a folder").collect();
    assert!(left.is_empty(), "something was begun: {left:?}");
}
