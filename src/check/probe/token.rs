//! JSON Web Tokens as an attacker handles them: taken apart and put together again, never verified.

use serde_json::{Value, json};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A token in its three parts, still encoded.
#[derive(Clone, Debug)]
pub struct Token {
    header: String,
    payload: String,
    signature: String,
}

impl Token {
    /// None if it is no signed token.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(str::to_owned);
        let token = Self { header: parts.next()?, payload: parts.next()?, signature: parts.next()? };
        let is_json =
            |part: &str| decode(part).is_some_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok());
        (parts.next().is_none() && is_json(&token.header) && is_json(&token.payload)).then_some(token)
    }

    pub fn text(&self) -> String {
        format!("{}.{}.{}", self.header, self.payload, self.signature)
    }

    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// Says that it needs no signature, and has none.
    pub fn unsigned(&self) -> Self {
        let header = encode(json!({ "alg": "none", "typ": "JWT" }).to_string().as_bytes());
        Self { header, payload: self.payload.clone(), signature: String::new() }
    }

    /// Somebody else's name under the same signature.
    pub fn with_subject(&self, subject: &str) -> Self {
        let mut payload: Value =
            decode(&self.payload).and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        payload["sub"] = json!(subject);
        Self { payload: encode(payload.to_string().as_bytes()), ..self.clone() }
    }

    /// The same claims under another key's name or signature.
    pub fn with_signature_of(&self, other: &Self) -> Self {
        Self { signature: other.signature.clone(), ..self.clone() }
    }
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            let index = group >> (18 - 6 * position) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut group, mut bits) = (0u32, 0);
    for character in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == character)?;
        group = group << 6 | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(group >> bits & 255).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_of_the_rfc() {
        // RFC 4648 section 10, without padding; and the two letters that differ from plain base64.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        assert_eq!(decode("a+b"), None);
    }

    #[test]
    fn a_token_is_forged_part_by_part() {
        let text = format!("{}.{}.c2ln", encode(br#"{"alg":"EdDSA"}"#), encode(br#"{"sub":"alice"}"#));
        let token = Token::parse(&text).expect("a token");
        assert_eq!(token.text(), text);
        let unsigned = token.unsigned();
        assert!(unsigned.text().ends_with('.'));
        assert_eq!(decode(&unsigned.header).as_deref(), Some(&br#"{"alg":"none","typ":"JWT"}"#[..]));
        let changed = token.with_subject("root");
        assert_eq!(decode(&changed.payload).as_deref(), Some(&br#"{"sub":"root"}"#[..]));
        assert_eq!(changed.signature(), "c2ln");
        assert!(Token::parse("opaque").is_none());
        assert!(Token::parse("a.b.c").is_none());
    }
}
