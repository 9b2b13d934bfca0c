//! A session's id: whose it is, and 256 random bits. It is the whole secret.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom as _, SystemRandom};
use uuid::Uuid;

use crate::external::resilience::Error;

const OWNER: usize = 16;
const RANDOM: usize = 32;

#[derive(Clone, PartialEq, Eq)]
pub struct Id {
    owner: Uuid,
    text: String,
}

impl Id {
    /// Made here and nowhere else: what a client brings along is never made an id.
    pub(super) fn new(owner: Uuid) -> Result<Self, Error> {
        let mut bytes = [0; OWNER + RANDOM];
        bytes[..OWNER].copy_from_slice(owner.as_bytes());
        SystemRandom::new()
            .fill(&mut bytes[OWNER..])
            .map_err(|_| Error::Broken("there is no randomness to be had".to_owned()))?;
        let text = URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self { owner, text })
    }

    /// None if it cannot be one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; OWNER + RANDOM] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (owner, _) = bytes.split_first_chunk::<OWNER>()?;
        Some(Self {
            owner: Uuid::from_bytes(*owner),
            text: text.to_owned(),
        })
    }

    /// Whose it says it is; true where there is such a session.
    pub fn owner(&self) -> Uuid {
        self.owner
    }

    /// The text itself; call it where it is handed over or looked up, never to print it.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_never_the_same_and_are_read_as_they_were_made() {
        let owner = Uuid::from_bytes([7; 16]);
        let (one, other) = (Id::new(owner), Id::new(owner));
        let (one, other) = (one.expect("an id"), other.expect("an id"));
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 64);
        let read = Id::parse(one.expose()).expect("an id");
        assert_eq!((read.owner(), &read), (owner, &one));
    }

    #[test]
    fn what_cannot_be_one_is_none() {
        let id = Id::new(Uuid::nil()).expect("an id");
        let text = id.expose();
        for wrong in [
            "",
            "a.b.c",
            &text[1..],
            &format!("{text}A"),
            &format!("={}", &text[1..]),
        ] {
            assert!(Id::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn it_is_not_printed() {
        let id = Id::new(Uuid::nil()).expect("an id");
        assert!(!format!("{id:?}").contains(&id.expose()[40..]));
    }
}
