//! Signatures of webhooks, as Standard Webhooks has them: HMAC-SHA256 over the message's id, the time of the
//! attempt and the body, byte for byte.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::HeaderName;
use ring::{
    error::Unspecified,
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};

pub const ID: HeaderName = HeaderName::from_static("webhook-id");
pub const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
pub const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";

/// In bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
const LENGTH: usize = 32;

/// How many signatures of a message are looked at: a sender has as many as active secrets.
const MOST_SIGNATURES: usize = 8;

/// What sender and receiver of one endpoint know, and nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl SigningSecret {
    pub fn generate() -> Result<Self, Unspecified> {
        let mut bytes = vec![0; LENGTH];
        SystemRandom::new().fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// From `whsec_…`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text.strip_prefix(PREFIX)?).ok()?;
        Self::of_bytes(&bytes)
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        LENGTHS
            .contains(&bytes.len())
            .then(|| Self(bytes.to_owned()))
    }

    /// As its owner is shown it.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(&self.0))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

/// The value of `webhook-signature`: one signature for each secret that is good.
pub fn sign(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &str) -> String {
    let message = message(id, &timestamp.to_string(), body.as_bytes());
    let signatures = secrets.iter().map(|secret| {
        let signature = hmac::sign(&secret.key(), &message);
        format!("{VERSION}{}", BASE64.encode(signature))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// Whether one of the signatures, as they stand in `webhook-signature`, was made with one of the secrets. How long it
/// takes says nothing about how near a wrong one was.
pub fn verify(
    secrets: &[SigningSecret],
    signatures: &str,
    id: &str,
    timestamp: &str,
    body: &[u8],
) -> bool {
    let message = message(id, timestamp, body);
    let signatures = signatures.split(' ').take(MOST_SIGNATURES);
    let mut signatures =
        signatures.filter_map(|signature| BASE64.decode(signature.strip_prefix(VERSION)?).ok());
    signatures.any(|signature| {
        let mut keys = secrets.iter().map(SigningSecret::key);
        keys.any(|key| hmac::verify(&key, &message, &signature).is_ok())
    })
}

fn message(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp}.").as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the libraries of Standard Webhooks.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const MESSAGE: (&str, i64, &str) = (
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
    );
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn signed(secrets: &[SigningSecret]) -> String {
        let (id, timestamp, body) = MESSAGE;
        sign(secrets, id, timestamp, body)
    }

    #[test]
    fn the_published_vectors_hold() {
        let secret = SigningSecret::parse(SECRET).expect("a secret");
        assert_eq!(signed(&[secret]), SIGNED);
        // Its secret is shorter than the specification wants them.
        let short = BASE64.decode("plJ3nmyCDGBKInavdOK15jsl");
        let secret = SigningSecret(short.expect("bytes"));
        let body = r#"{"event_type":"ping","data":{"success":true}}"#;
        assert_eq!(
            sign(&[secret], "msg_loFOjxBNrRLzqYUf", 1_731_705_121, body),
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
        );
    }

    #[test]
    fn the_published_vector_is_verified_and_nothing_near_it() {
        let secrets = [SigningSecret::parse(SECRET).expect("a secret")];
        let (id, _, body) = MESSAGE;
        let holds = |signatures: &str, id: &str, timestamp: &str, body: &str| {
            verify(&secrets, signatures, id, timestamp, body.as_bytes())
        };
        assert!(holds(SIGNED, id, "1614265330", body));
        assert!(holds(
            &format!("v1a,AAAA v1,AAAA {SIGNED}"),
            id,
            "1614265330",
            body
        ));
        assert!(!holds(SIGNED, id, "1614265331", body));
        assert!(!holds(SIGNED, id, "01614265330", body));
        assert!(!holds(SIGNED, "msg_other", "1614265330", body));
        assert!(!holds(SIGNED, id, "1614265330", "{}"));
        for signatures in ["", "v1,", &SIGNED[3..], &SIGNED.replace("v1,", "v2,")] {
            assert!(!holds(signatures, id, "1614265330", body), "{signatures}");
        }
        assert!(!verify(&[], SIGNED, id, "1614265330", body.as_bytes()));
    }

    #[test]
    fn each_secret_signs() {
        let old = SigningSecret::parse(SECRET).expect("a secret");
        let new = SigningSecret::generate().expect("random bytes");
        let both = signed(&[new.clone(), old]);
        assert_eq!(both, format!("{} {SIGNED}", signed(&[new])));
    }

    #[test]
    fn a_secret_is_read_as_it_is_shown() {
        let secret = SigningSecret::generate().expect("random bytes");
        assert!(SigningSecret::parse(&secret.text()) == Some(secret));
        for (bytes, holds) in [(23, false), (24, true), (64, true), (65, false)] {
            let text = format!("{PREFIX}{}", BASE64.encode(vec![7; bytes]));
            assert_eq!(SigningSecret::parse(&text).is_some(), holds, "{bytes}");
        }
        for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?"] {
            assert!(SigningSecret::parse(wrong).is_none(), "{wrong}");
        }
    }
}
