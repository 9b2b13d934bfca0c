//! Keeps the secrets of endpoints. They must be read again to sign with them, so they are stored, but sealed: the
//! key is not in the database, and without it a copy of the database forges no webhook. While the key is rotated there
//! are two: the one seals, and each opens what it has sealed.

use std::sync::Arc;

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Salt},
    rand::{SecureRandom as _, SystemRandom},
};
use uuid::Uuid;

use super::SigningSecret;
use crate::{app::key_file, config::Config};

/// What the key is good for.
const PURPOSE: &[u8] = b"secrets of webhook endpoints";
const DEVELOPMENT_KEY: &str = "webhooks.key";

/// Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    key: Key,
    /// While the key is rotated.
    other: Option<Key>,
}

impl Vault {
    /// Takes the configured keys; in development, without one, a random one in the data folder.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        let webhooks = &config.webhooks;
        let other = webhooks.other_key.as_ref();
        let other = other.map(|other| other.expose().as_bytes());
        match &webhooks.key {
            Some(key) => Self::new(key.expose().as_bytes(), other),
            None => {
                let key = key_file::read_or_make(&config.data.directory, DEVELOPMENT_KEY)?;
                Self::new(&key, other)
            }
        }
    }

    fn new(key: &[u8], other: Option<&[u8]>) -> anyhow::Result<Self> {
        let key = Key::derive(key)?;
        let other = other.map(Key::derive).transpose()?;
        Ok(Self(Arc::new(Keys { key, other })))
    }

    /// What of the secret may be stored. It is good for this endpoint only: moved to another row, it does not open.
    pub fn seal(&self, endpoint: Uuid, secret: &SigningSecret) -> Result<Vec<u8>, Unspecified> {
        self.0.key.seal(endpoint, secret)
    }

    pub fn open(&self, endpoint: Uuid, sealed: &[u8]) -> Result<SigningSecret, Unspecified> {
        let opened = self.0.key.open(endpoint, sealed);
        match &self.0.other {
            Some(other) => opened.or_else(|_| other.open(endpoint, sealed)),
            None => opened,
        }
    }

    /// What the other key has sealed, sealed with the key; none where that has sealed it.
    pub fn reseal(&self, endpoint: Uuid, sealed: &[u8]) -> Result<Option<Vec<u8>>, Unspecified> {
        if self.0.key.open(endpoint, sealed).is_ok() {
            return Ok(None);
        }
        let secret = self.open(endpoint, sealed)?;
        self.seal(endpoint, &secret).map(Some)
    }
}

struct Key(LessSafeKey);

impl Key {
    fn derive(key: &[u8]) -> anyhow::Result<Self> {
        let key = Salt::new(HKDF_SHA256, &[]).extract(key);
        let key = key
            .expand(&[PURPOSE], &AES_256_GCM)
            .map_err(|_| anyhow::anyhow!("no key could be derived"))?;
        Ok(Self(LessSafeKey::new(UnboundKey::from(key))))
    }

    fn seal(&self, endpoint: Uuid, secret: &SigningSecret) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce)?;
        let mut sealed = secret.bytes().to_owned();
        self.0.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(endpoint.as_bytes()),
            &mut sealed,
        )?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, endpoint: Uuid, sealed: &[u8]) -> Result<SigningSecret, Unspecified> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut secret = sealed.to_owned();
        let secret = self
            .0
            .open_in_place(nonce, Aad::from(endpoint.as_bytes()), &mut secret)?;
        SigningSecret::of_bytes(secret).ok_or(Unspecified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(key: &str, other: Option<&str>) -> Vault {
        Vault::new(key.as_bytes(), other.map(str::as_bytes)).expect("a vault")
    }

    #[test]
    fn only_this_key_opens_and_only_for_its_endpoint() {
        let vault = self::vault("key", None);
        let secret = SigningSecret::generate().expect("random bytes");
        let endpoint = Uuid::now_v7();
        let sealed = vault.seal(endpoint, &secret).expect("a seal");
        assert!(vault.open(endpoint, &sealed) == Ok(secret.clone()));
        assert!(vault.open(Uuid::now_v7(), &sealed).is_err());
        let other = self::vault("another key", Some("a third"));
        assert!(other.open(endpoint, &sealed).is_err());
        assert!(vault.open(endpoint, &sealed[..5]).is_err());
        let again = vault.seal(endpoint, &secret).expect("a seal");
        assert_ne!(sealed, again, "equal secrets do not show");
        assert!(
            !sealed
                .windows(8)
                .any(|part| secret.bytes().starts_with(part))
        );
    }
    #[test]
    fn each_key_opens_and_one_seals() {
        let (old, both) = (vault("old", None), vault("new", Some("old")));
        let secret = SigningSecret::generate().expect("random bytes");
        let endpoint = Uuid::now_v7();
        let sealed = old.seal(endpoint, &secret).expect("a seal");
        assert!(both.open(endpoint, &sealed) == Ok(secret.clone()));
        let anew = both.reseal(endpoint, &sealed).expect("a seal");
        let anew = anew.expect("it was the old one's");
        assert_eq!(both.reseal(endpoint, &anew), Ok(None));
        assert!(vault("new", None).open(endpoint, &anew) == Ok(secret));
        assert!(old.open(endpoint, &anew).is_err());
        assert!(old.reseal(endpoint, &anew).is_err());
    }
}
