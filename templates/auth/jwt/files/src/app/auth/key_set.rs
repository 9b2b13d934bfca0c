//! The issuer's public keys: a JSON Web Key Set (RFC 7517).

use anyhow::{Context as _, ensure};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde::Deserialize;
use serde_json::Value;

use super::key::Key;

#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

/// Why no key is the token's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// It names a key that is not in the set.
    Unknown,
    /// It names none, and there are several.
    Unnamed,
    /// Its key is for another algorithm.
    OtherAlgorithm,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    pub(super) fn of_one(id: String, algorithm: Algorithm, decoding: DecodingKey) -> Self {
        Self {
            keys: vec![Key {
                id: Some(id),
                algorithm,
                decoding,
            }],
        }
    }

    /// Reads a document. Keys that are of no use here are left out, as RFC 7517, section 5, asks; a set
    /// that is left with none is an error, for it would refuse everybody.
    pub(super) fn parse(document: &[u8]) -> anyhow::Result<Self> {
        let document: Document =
            serde_json::from_slice(document).context("this is no JSON Web Key Set")?;
        let keys: Vec<Key> = document.keys.into_iter().filter_map(usable).collect();
        ensure!(
            !keys.is_empty(),
            "there is no Ed25519, P-256 or RSA key for signatures in it"
        );
        Ok(Self { keys })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key of the token with this header.
    pub(super) fn find(&self, header: &Header) -> Result<&Key, NoKey> {
        let key = match (header.kid.as_deref(), self.keys.as_slice()) {
            (None, [only]) => only,
            (None, _) => return Err(NoKey::Unnamed),
            (Some(_), [only]) if only.id.is_none() => only,
            (Some(id), keys) => {
                let named = keys.iter().find(|key| key.id.as_deref() == Some(id));
                named.ok_or(NoKey::Unknown)?
            }
        };
        if key.algorithm == header.alg {
            Ok(key)
        } else {
            Err(NoKey::OtherAlgorithm)
        }
    }
}

fn usable(key: Value) -> Option<Key> {
    let id = key["kid"].as_str().unwrap_or("(none)").to_owned();
    let parsed = Key::parse(key);
    if let Err(reason) = parsed {
        tracing::info!(
            kid = id,
            reason,
            "a key of the key set is left out: {reason}"
        );
    }
    parsed.ok()
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;

    fn parse(keys: Value) -> anyhow::Result<KeySet> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn ed25519(kid: &str) -> Value {
        let x = URL_SAFE_NO_PAD.encode([1; 32]);
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x })
    }

    fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
        Header {
            kid: kid.map(str::to_owned),
            ..Header::new(algorithm)
        }
    }

    #[test]
    fn a_token_of_another_algorithm_has_no_key() {
        let keys = parse(json!([ed25519("a"), ed25519("b")])).expect("a key set");
        for other in [Algorithm::HS256, Algorithm::ES256, Algorithm::RS256] {
            let found = keys.find(&header(other, Some("a")));
            assert_eq!(found.err(), Some(NoKey::OtherAlgorithm), "{other:?}");
        }
    }

    #[test]
    fn a_token_must_name_its_key_when_there_are_several() {
        let two = parse(json!([ed25519("a"), ed25519("b")])).expect("a key set");
        let find = |keys: &KeySet, kid| {
            keys.find(&header(Algorithm::EdDSA, kid))
                .map(|key| key.id.clone())
        };
        assert_eq!(find(&two, Some("b")), Ok(Some("b".to_owned())));
        assert_eq!(find(&two, None), Err(NoKey::Unnamed));
        assert_eq!(find(&two, Some("c")), Err(NoKey::Unknown));

        let one = parse(json!([ed25519("a")])).expect("a key set");
        assert_eq!(find(&one, None), Ok(Some("a".to_owned())));
        assert_eq!(find(&one, Some("b")), Err(NoKey::Unknown));

        let mut nameless = ed25519("a");
        nameless.as_object_mut().expect("an object").remove("kid");
        let nameless = parse(json!([nameless])).expect("a key set");
        assert_eq!(find(&nameless, None), Ok(None));
        assert_eq!(find(&nameless, Some("a")), Ok(None));
    }

    #[test]
    fn one_bad_key_does_not_take_the_others_with_it() {
        let mut mistyped = ed25519("b");
        mistyped["kid"] = json!(7);
        let keys = parse(json!([json!(null), mistyped, ed25519("a")]));
        assert_eq!(keys.expect("a key set").len(), 1);
    }

    #[test]
    fn what_is_no_key_set_is_an_error() {
        let documents: [&[u8]; 6] = [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            br#"{"keys": {}}"#,
            br#"{"keys": []}"#,
        ];
        for document in documents {
            assert!(
                KeySet::parse(document).is_err(),
                "{}",
                String::from_utf8_lossy(document)
            );
        }
    }
}
