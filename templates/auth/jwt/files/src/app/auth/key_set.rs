//! The issuer's public keys: a JSON Web Key Set (RFC 7517). A key says which algorithm it is for; a token
//! never does.

use anyhow::{Context as _, ensure};
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind, Header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// What NIST SP 800-131A allows, and ring verifies, at the least.
const SHORTEST_RSA_BITS: usize = 2048;

/// A modulus longer than this costs more to verify with than it adds.
const LONGEST_RSA_BITS: usize = 8192;

#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
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
    match serde_json::from_value(key)
        .map_err(|_| "it is malformed")
        .and_then(read)
    {
        Ok(key) => Some(key),
        Err(reason) => {
            tracing::info!(
                kid = id,
                reason,
                "a key of the key set is left out: {reason}"
            );
            None
        }
    }
}

fn read(jwk: Jwk) -> Result<Key, &'static str> {
    let algorithm = algorithm(&jwk)?;
    let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| "it is malformed")?;
    let decoding = measured(decoding, algorithm)?;
    Ok(Key {
        id: jwk.common.key_id,
        algorithm,
        decoding,
    })
}

/// The one algorithm that the key is for.
fn algorithm(jwk: &Jwk) -> Result<Algorithm, &'static str> {
    let common = &jwk.common;
    if common
        .public_key_use
        .as_ref()
        .is_some_and(|purpose| *purpose != PublicKeyUse::Signature)
    {
        return Err("it is not for signatures");
    }
    let operations = common.key_operations.as_ref();
    if operations.is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
        return Err("it is not for verifying");
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        _ => return Err("its kind is not supported"),
    };
    match common.key_algorithm {
        Some(stated) if stated != KeyAlgorithm::from(algorithm) => {
            Err("its algorithm is not EdDSA, ES256 or RS256")
        }
        _ => Ok(algorithm),
    }
}

/// The key, if it is as long as a key of its algorithm must be.
fn measured(key: DecodingKey, algorithm: Algorithm) -> Result<DecodingKey, &'static str> {
    let fits = match (algorithm, key.kind()) {
        (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => point.len() == 32,
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => point.len() == 65,
        (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            return measured_rsa(n, e);
        }
        _ => false,
    };
    if fits {
        Ok(key)
    } else {
        Err("its length is wrong")
    }
}

fn measured_rsa(modulus: &[u8], exponent: &[u8]) -> Result<DecodingKey, &'static str> {
    // Some issuers send the sign byte of their ASN.1 integer, which ring would not take.
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let modulus = &modulus[zeros..];
    let unused = modulus
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    match modulus.len() * 8 - unused {
        ..SHORTEST_RSA_BITS => Err("it is an RSA key of less than 2048 bits"),
        SHORTEST_RSA_BITS..=LONGEST_RSA_BITS => {
            Ok(DecodingKey::from_rsa_raw_components(modulus, exponent))
        }
        _ => Err("it is an RSA key of more than 8192 bits"),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;

    fn parse(keys: Value) -> anyhow::Result<KeySet> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn is_usable(key: Value) -> bool {
        parse(json!([key])).is_ok()
    }

    fn base64(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn ed25519(kid: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64(&[1; 32]) })
    }

    fn p256(kid: &str) -> Value {
        let (x, y) = (base64(&[1; 32]), base64(&[2; 32]));
        json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y })
    }

    /// An RSA key whose modulus has `bits` bits.
    fn rsa(bits: usize) -> Value {
        let mut modulus = vec![0xff; bits.div_ceil(8)];
        modulus[0] = 0xff >> (modulus.len() * 8 - bits);
        json!({ "kty": "RSA", "kid": "rsa", "e": "AQAB", "n": base64(&modulus) })
    }

    fn with(mut key: Value, name: &str, value: impl Into<Value>) -> Value {
        key[name] = value.into();
        key
    }

    fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
        Header {
            kid: kid.map(str::to_owned),
            ..Header::new(algorithm)
        }
    }

    #[test]
    fn the_key_fixes_the_algorithm() {
        let keys = parse(json!([ed25519("ed"), p256("ec"), rsa(2048)])).expect("a key set");
        let of = [
            ("ed", Algorithm::EdDSA),
            ("ec", Algorithm::ES256),
            ("rsa", Algorithm::RS256),
        ];
        for (kid, algorithm) in of {
            let found = keys.find(&header(algorithm, Some(kid))).expect("a key");
            assert_eq!(found.algorithm, algorithm);
            for other in [
                Algorithm::HS256,
                Algorithm::ES384,
                Algorithm::RS512,
                Algorithm::PS256,
            ] {
                let found = keys
                    .find(&header(other, Some(kid)))
                    .map(|key| key.algorithm);
                assert_eq!(found, Err(NoKey::OtherAlgorithm), "{kid} {other:?}");
            }
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
    fn keys_for_something_else_are_left_out() {
        assert!(is_usable(with(ed25519("a"), "use", "sig")));
        assert!(is_usable(with(ed25519("a"), "alg", "EdDSA")));
        assert!(is_usable(with(ed25519("a"), "key_ops", json!(["verify"]))));
        let useless = [
            with(ed25519("a"), "use", "enc"),
            with(ed25519("a"), "use", "anything"),
            with(ed25519("a"), "key_ops", json!(["deriveKey"])),
            with(ed25519("a"), "alg", "ES256"),
            with(ed25519("a"), "crv", "X25519"),
            with(p256("a"), "crv", "P-384"),
            with(p256("a"), "alg", "ES256K"),
            with(rsa(2048), "alg", "RS512"),
            with(rsa(2048), "alg", "PS256"),
            with(rsa(2048), "alg", "RSA-OAEP"),
            json!({ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "a" }),
            json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "a" }),
        ];
        for key in useless {
            assert!(!is_usable(key.clone()), "{key}");
        }
    }

    #[test]
    fn keys_of_a_wrong_length_are_left_out() {
        for key in [
            with(ed25519("a"), "x", base64(&[1; 31])),
            with(p256("a"), "y", base64(&[1; 33])),
            with(ed25519("a"), "x", "not base64!"),
            with(ed25519("a"), "x", 7),
            json!({ "kty": "EC", "crv": "P-256", "x": base64(&[1; 32]) }),
            json!("not an object"),
        ] {
            assert!(!is_usable(key.clone()), "{key}");
        }
    }

    #[test]
    fn rsa_keys_have_2048_to_8192_bits() {
        for bits in [512, 1024, 2040, 2047, 8193, 16_384] {
            assert!(!is_usable(rsa(bits)), "{bits}");
        }
        for bits in [2048, 3072, 4096, 8192] {
            assert!(is_usable(rsa(bits)), "{bits}");
        }
        let padded = [[0].as_slice(), &[0xff; 128]].concat();
        assert!(!is_usable(with(rsa(2048), "n", base64(&padded))));
        let padded = [[0].as_slice(), &[0xff; 256]].concat();
        assert!(is_usable(with(rsa(2048), "n", base64(&padded))));
        assert!(!is_usable(with(rsa(2048), "n", "")));
    }

    #[test]
    fn one_bad_key_does_not_take_the_others_with_it() {
        let keys = parse(json!([
            json!(null),
            rsa(1024),
            ed25519("a"),
            with(p256("b"), "kid", 7)
        ]));
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
