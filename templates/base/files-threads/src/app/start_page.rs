//! The page at `/`, in development only: whoever has just started the service sees it work, without a client of
//! their own. It is one file without a build step, and calls the same endpoints as everybody else.

use std::{net::IpAddr, sync::LazyLock};

use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header, uri::Authority};
use ring::digest::{SHA256, digest};

use crate::{
    app::{auth, state::App},
    threads::wait,
};

const PAGE: &str = include_str!("start_page.html");

/// Stands in the page where the credential goes.
const CREDENTIAL: &str = "%CREDENTIAL%";

/// Nothing runs but the page's own script, and it calls nobody but this service.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let (script, style) = (hash_of("script"), hash_of("style"));
    format!(
        "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

pub(super) fn show(State(app): State<App>, headers: HeaderMap) -> Response {
    let credential = if is_local(&headers) {
        wait(auth::development_credential(&app))
    } else {
        None
    };
    let page = PAGE.replace(CREDENTIAL, &credential.unwrap_or_default());
    let policy = [(header::CONTENT_SECURITY_POLICY, POLICY.as_str())];
    (policy, Html(page)).into_response()
}

/// Whether the page was asked for by a name of this machine. A foreign site whose name points here would be
/// another: it must not be given a credential.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| Authority::try_from(host.as_bytes()).ok());
    host.is_some_and(|host| {
        let name = host.host().trim_matches(['[', ']']);
        let address = name.parse::<IpAddr>();
        name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

/// As a policy names what stands between two tags (Content Security Policy, level 3, section 2.3.1).
fn hash_of(tag: &str) -> String {
    let (_, rest) = PAGE.split_once(&format!("<{tag}>")).unwrap_or_default();
    let (text, _) = rest.split_once(&format!("</{tag}>")).unwrap_or_default();
    format!(
        "sha256-{}",
        STANDARD.encode(digest(&SHA256, text.as_bytes()))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        let is_local = |host: &'static str| {
            let host = host.parse().expect("a value");
            super::is_local(&HeaderMap::from_iter([(header::HOST, host)]))
        };
        for host in [
            "localhost:8080",
            "localhost",
            "127.0.0.1:8080",
            "[::1]:8080",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "rebound.example:8080",
            "10.0.0.1",
            "localhost.example",
            "",
            "127.0.0.1.example",
        ] {
            assert!(!is_local(host), "{host}");
        }
        assert!(!super::is_local(&HeaderMap::new()));
    }

    #[test]
    fn the_page_has_one_script_one_style_and_one_place_for_the_credential() {
        for text in ["<script>", "</script>", "<style>", "</style>", CREDENTIAL] {
            assert_eq!(PAGE.matches(text).count(), 1, "{text}");
        }
        // The policy would keep these from working.
        for text in [" style=", " onclick=", "javascript:", "http://", "https://"] {
            assert!(!PAGE.contains(text), "{text}");
        }
    }
}
