//! One public key: a JSON Web Key (RFC 7517). It says which algorithm it is for; a token never does.

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde_json::Value;

/// What NIST SP 800-131A allows, and ring verifies, at the least.
const SHORTEST_RSA_BITS: usize = 2048;

/// A modulus longer than this costs more to verify with than it adds.
const LONGEST_RSA_BITS: usize = 8192;

const MALFORMED: &str = "it is malformed";

#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

impl Key {
    /// Reads a key; the error says why it is of no use here.
    pub(super) fn parse(key: Value) -> Result<Self, &'static str> {
        let jwk: Jwk = serde_json::from_value(key).map_err(|_| MALFORMED)?;
        let algorithm = algorithm(&jwk)?;
        let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| MALFORMED)?;
        let decoding = measured(decoding, algorithm)?;
        Ok(Self {
            id: jwk.common.key_id,
            algorithm,
            decoding,
        })
    }
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

    fn is_usable(key: Value) -> bool {
        Key::parse(key).is_ok()
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

    #[test]
    fn keys_for_something_else_are_of_no_use() {
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
    fn keys_of_a_wrong_length_are_of_no_use() {
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
    fn the_kind_of_key_fixes_the_algorithm() {
        for (key, algorithm) in [
            (ed25519("a"), Algorithm::EdDSA),
            (p256("a"), Algorithm::ES256),
            (rsa(2048), Algorithm::RS256),
        ] {
            assert_eq!(Key::parse(key).map(|key| key.algorithm), Ok(algorithm));
        }
    }
}
