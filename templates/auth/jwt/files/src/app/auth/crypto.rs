//! The cryptography below `jsonwebtoken`, by ring, which is in the tree for TLS already. The back ends that
//! `jsonwebtoken` brings are a second C library (aws-lc), or 43 more crates, `rsa` with its timing leak
//! (RUSTSEC-2023-0071) among them. What nobody needs here is an error: other algorithms, and any signature
//! but that of development tokens.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind, Result, new_error},
    signature::{self, Signer, Verifier},
};
use ring::{
    error::Unspecified,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256,
        RsaPublicKeyComponents, UnparsedPublicKey,
    },
};

/// Makes this the cryptography of every token in the process.
pub(super) fn install() {
    // A second call finds the provider installed, which is as good.
    PROVIDER.install_default().ok();
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let supported = matches!(
        algorithm,
        Algorithm::EdDSA | Algorithm::ES256 | Algorithm::RS256
    );
    if !supported || key.family() != algorithm.family() {
        return Err(unsupported());
    }
    Ok(Box::new(RingVerifier {
        algorithm: *algorithm,
        key: key.clone(),
    }))
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> signature::Result<()> {
        let outcome = match (self.algorithm, self.key.kind()) {
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            _ => Err(Unspecified),
        };
        outcome.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct Ed25519Signer(Ed25519KeyPair);

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if *algorithm != Algorithm::EdDSA || key.family() != AlgorithmFamily::Ed {
        return Err(unsupported());
    }
    let pair = Ed25519KeyPair::from_pkcs8(key.as_bytes());
    Ok(Box::new(Ed25519Signer(
        pair.map_err(|_| new_error(ErrorKind::InvalidEddsaKey))?,
    )))
}

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> signature::Result<Vec<u8>> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

fn unsupported() -> Error {
    new_error(ErrorKind::UnsupportedAlgorithm)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{
        crypto,
        jwk::{Jwk, ThumbprintHash},
    };
    use serde_json::{Value, json};

    use super::*;

    /// A published signature, and the JSON Web Key that it holds under.
    struct Vector {
        algorithm: Algorithm,
        key: Value,
        message: &'static str,
        signature: &'static str,
    }

    /// RFC 7515, appendix A.2.
    fn rs256() -> Vector {
        let modulus = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4q\
            PCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_\
            7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4u\
            DZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAc\
            DTW9gb54h4FRWyuXpoQ";
        Vector {
            algorithm: Algorithm::RS256,
            key: json!({ "kty": "RSA", "e": "AQAB", "n": modulus }),
            message: "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
                Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            signature: "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-\
                0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWz\
                O75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOk\
                HWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywl\
                VmtVrBp0igcN_IoypGlUPQGe77Rw",
        }
    }

    /// RFC 7515, appendix A.3.
    fn es256() -> Vector {
        Vector {
            algorithm: Algorithm::ES256,
            key: json!({
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            }),
            message: "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
                Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJ\
                qPP3-Kg6NU1Q",
        }
    }

    /// RFC 8037, appendix A.4.
    fn eddsa() -> Vector {
        Vector {
            algorithm: Algorithm::EdDSA,
            key: json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }),
            message: "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            signature: "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sV\
                vpAr_MuM0KAg",
        }
    }

    fn decoding_key(key: &Value) -> DecodingKey {
        let jwk: Jwk = serde_json::from_value(key.clone()).expect("a JSON Web Key");
        DecodingKey::from_jwk(&jwk).expect("a public key")
    }

    fn holds(vector: &Vector, message: &[u8], signature: &str) -> bool {
        let key = decoding_key(&vector.key);
        crypto::verify(signature, message, &key, vector.algorithm).expect("a verifier")
    }

    #[test]
    fn published_signatures_hold_and_no_bit_of_them_may_differ() {
        install();
        for vector in [rs256(), es256(), eddsa()] {
            let algorithm = vector.algorithm;
            assert!(
                holds(&vector, vector.message.as_bytes(), vector.signature),
                "{algorithm:?}"
            );

            let mut message = vector.message.as_bytes().to_vec();
            message[30] ^= 1;
            assert!(
                !holds(&vector, &message, vector.signature),
                "{algorithm:?}: message"
            );

            let signature = URL_SAFE_NO_PAD
                .decode(vector.signature)
                .expect("a signature");
            for index in 0..signature.len() {
                let mut flipped = signature.clone();
                flipped[index] ^= 1;
                let flipped = URL_SAFE_NO_PAD.encode(flipped);
                let held = holds(&vector, vector.message.as_bytes(), &flipped);
                assert!(!held, "{algorithm:?}: byte {index} of the signature");
            }
        }
    }

    #[test]
    fn a_signature_of_another_length_does_not_hold() {
        install();
        for vector in [rs256(), es256(), eddsa()] {
            let signature = URL_SAFE_NO_PAD
                .decode(vector.signature)
                .expect("a signature");
            let longer = [signature.as_slice(), &[0]].concat();
            for wrong in [&signature[..signature.len() - 1], &longer, &[]] {
                let wrong = URL_SAFE_NO_PAD.encode(wrong);
                assert!(
                    !holds(&vector, vector.message.as_bytes(), &wrong),
                    "{:?}",
                    vector.algorithm
                );
            }
        }
    }

    #[test]
    fn keys_verify_no_other_algorithm_than_theirs() {
        install();
        let all = [
            Algorithm::HS256,
            Algorithm::HS384,
            Algorithm::HS512,
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
            Algorithm::EdDSA,
        ];
        for vector in [rs256(), es256(), eddsa()] {
            let key = decoding_key(&vector.key);
            for algorithm in all
                .into_iter()
                .filter(|algorithm| *algorithm != vector.algorithm)
            {
                assert!(verifier(&algorithm, &key).is_err(), "{algorithm:?}");
            }
        }
        assert!(verifier(&Algorithm::HS256, &DecodingKey::from_secret(b"secret")).is_err());
    }

    #[test]
    fn nothing_is_signed_but_with_an_ed25519_key() {
        install();
        for key in [
            EncodingKey::from_secret(b"secret"),
            EncodingKey::from_rsa_der(b"key"),
            EncodingKey::from_ec_der(b"key"),
            EncodingKey::from_ed_der(b"not a key"),
        ] {
            for algorithm in key.family().algorithms() {
                assert!(
                    crypto::sign(b"message", &key, *algorithm).is_err(),
                    "{algorithm:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_needed_is_an_error_and_no_panic() {
        install();
        install();
        let jwk: Jwk = serde_json::from_value(eddsa().key).expect("a JSON Web Key");
        assert!(jwk.thumbprint(ThumbprintHash::SHA256).is_err());
        for algorithm in [Algorithm::RS256, Algorithm::ES256] {
            let key = match algorithm {
                Algorithm::RS256 => EncodingKey::from_rsa_der(b"key"),
                _ => EncodingKey::from_ec_der(b"key"),
            };
            assert!(Jwk::from_encoding_key(&key, algorithm).is_err());
        }
    }
}
