//! What is refused before anything starts.

use super::{ISSUER, configuration, start};
use crate::support::production;

/// Everything that a production environment needs, but for these variables.
fn production(variables: &[(&str, &str)]) -> Result<service::config::Config, Vec<String>> {
    let mut given = production::environment();
    given.insert("APP__AUTH__ISSUER", ISSUER);
    given.extend(variables.iter().copied());
    let given: Vec<_> = given.into_iter().collect();
    configuration(&given).map_err(|problems| problems.0)
}

#[test]
fn production_takes_keys_over_https_or_from_a_file() {
    for jwks in ["https://id.example.com/keys", "/etc/keys.json", "keys.json"] {
        let config = production(&[("APP__AUTH__JWKS", jwks)]).expect("a configuration");
        assert_eq!(config.auth.jwks.as_deref(), Some(jwks));
    }
}

#[test]
fn what_cannot_be_right_is_named() {
    for (name, value) in [
        ("APP__AUTH__JWKS", "http://id.example.com/keys"),
        ("APP__AUTH__JWKS", "ftp://id.example.com/keys"),
        ("APP__AUTH__JWKS", "https://"),
        ("APP__AUTH__JWKS", ""),
        ("APP__AUTH__ISSUER", "development"),
        ("APP__AUTH__ISSUER", ""),
        ("APP__AUTH__AUDIENCE", ""),
        ("APP__AUTH__LEEWAY", "1h"),
        ("APP__AUTH__REFRESH_INTERVAL", "100ms"),
    ] {
        let problems = production(&[(name, value)]).expect_err(name);
        let [problem] = problems.as_slice() else {
            panic!("{name}={value}: {problems:?}")
        };
        assert!(problem.starts_with(name), "{problem}");
    }
}

#[tokio::test]
async fn a_file_without_keys_ends_the_start() {
    let folder = temp_dir::TempDir::new().expect("a folder");
    let path = folder.path().join("keys.json");
    let path = path.to_str().expect("UTF-8");
    let config = configuration(&[("APP__AUTH__JWKS", path)]).expect("a configuration");
    let absent = start(&config).await.err().expect("a refusal");
    assert!(format!("{absent:#}").contains(path), "{absent:#}");
    std::fs::write(path, "{}").expect("a file");
    let empty = start(&config).await.err().expect("a refusal");
    assert!(
        format!("{empty:#}").contains("no JSON Web Key Set"),
        "{empty:#}"
    );
}
