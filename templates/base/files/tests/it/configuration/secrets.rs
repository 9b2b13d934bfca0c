//! A secret is given as a variable or as a file, and is shown nowhere.

use std::fs;

use service::config::{Config, Environment, Source};
use temp_dir::TempDir;

use crate::support::process::run;

const NAME: &str = "APP__PAGINATION__CURSOR_KEY";
const FILE: &str = "APP__PAGINATION__CURSOR_KEY_FILE";
const SECRET: &str = "correct-horse-battery-staple-0123456789";

fn environment(given: &[(&str, &str)]) -> Environment {
    let given = given.iter().chain(&[("APP__ENVIRONMENT", "development")]);
    Environment::new(given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn a_file_is_as_good_as_a_variable_and_neither_is_shown() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("key");
    // As editors and `kubectl create secret --from-file` leave it.
    fs::write(&path, format!("{SECRET}\n")).expect("a file");
    let path = path.to_str().expect("UTF-8");
    for (given, expected) in [
        ((NAME, SECRET), Source::Environment),
        ((FILE, path), Source::File),
    ] {
        let (config, variables) = Config::read(&mut environment(&[given])).expect("it holds");
        let key = config.pagination.cursor_key.as_ref().expect("a key");
        assert_eq!(key.expose(), SECRET);
        let variable = variables.iter().find(|variable| variable.name == NAME);
        let variable = variable.expect("it is listed");
        assert_eq!(
            (variable.value.as_str(), variable.source),
            ("[redacted]", expected)
        );
        let debug = format!("{config:?} {variables:?}");
        assert!(
            debug.contains("[redacted]") && !debug.contains(SECRET),
            "{debug}"
        );
    }
}

#[test]
fn a_problem_with_a_secret_does_not_tell_it() {
    let folder = TempDir::new().expect("a folder");
    let empty = folder.path().join("empty");
    fs::write(&empty, "\n").expect("a file");
    let empty = empty.to_str().expect("UTF-8");
    let both =
        "APP__PAGINATION__CURSOR_KEY and APP__PAGINATION__CURSOR_KEY_FILE are both set: keep one";
    let is_empty = "APP__PAGINATION__CURSOR_KEY is empty: give it a value, or take it out";
    for (given, said) in [
        (vec![(NAME, SECRET), (FILE, "/nowhere")], both),
        (vec![(NAME, "")], is_empty),
        (vec![(FILE, empty)], is_empty),
        // The secret itself where its file's path belongs.
        (
            vec![(FILE, SECRET)],
            "APP__PAGINATION__CURSOR_KEY_FILE names a file that cannot be read",
        ),
        // A name that is nearly right.
        (
            vec![("APP__PAGINATION__CURSOR_KEYS", SECRET)],
            "did you mean APP__PAGINATION__CURSOR_KEY?",
        ),
    ] {
        let problems = Config::read(&mut environment(&given)).expect_err("it does not hold");
        let told = format!("{problems} {problems:?}");
        assert!(told.contains(said), "{told}");
        assert!(!told.contains(SECRET), "{told}");
    }
}

#[tokio::test]
async fn the_config_command_shows_what_takes_effect_and_no_secret() {
    let folder = TempDir::new().expect("a folder");
    let variables = [(NAME, SECRET), ("APP__SERVER__BODY_LIMIT", "2MiB")];
    let shown = run(folder.path(), &variables, &["config"]).await;
    assert!(shown.status.success(), "{shown:?}");
    let output = String::from_utf8(shown.stdout).expect("text");
    for line in [
        "APP__ENVIRONMENT=development  # environment",
        "APP__SERVER__BODY_LIMIT=2MiB  # environment",
        "APP__LIMITS__READS=256  # default",
        "APP__PAGINATION__CURSOR_KEY=[redacted]  # environment",
    ] {
        assert!(
            output.lines().any(|shown| shown == line),
            "{line:?} is missing in {output}"
        );
    }
    assert!(!output.contains(SECRET));
    assert!(shown.stderr.is_empty());
}

/// In development `.env` is read first; what the environment says wins. In production it is a file like any
/// other.
#[tokio::test]
async fn a_dotenv_file_is_for_development() {
    let folder = TempDir::new().expect("a folder");
    let dotenv = folder.path().join(".env");
    fs::write(&dotenv, "APP__LIMITS__READS=7\nAPP__LIMITS__WRITES=7\n").expect("a file");
    let shown = run(folder.path(), &[("APP__LIMITS__WRITES", "8")], &["config"]).await;
    let shown = String::from_utf8(shown.stdout).expect("text");
    assert!(shown.contains("APP__LIMITS__READS=7  #"), "{shown}");
    assert!(shown.contains("APP__LIMITS__WRITES=8  #"), "{shown}");

    fs::write(&dotenv, format!("{NAME} {SECRET}\n")).expect("a file");
    let refused = run(folder.path(), &[], &["config"]).await;
    assert_eq!(refused.status.code(), Some(78));
    let said = String::from_utf8(refused.stderr).expect("text");
    assert!(said.contains(".env") && said.contains(NAME), "{said}");
    assert!(!said.contains(SECRET), "{said}");

    let production = [("APP__ENVIRONMENT", "production")];
    let refused = run(folder.path(), &production, &["config"]).await;
    let said = String::from_utf8(refused.stderr).expect("text");
    assert!(
        said.contains("must be set in production") && !said.contains(".env"),
        "{said}"
    );
}
