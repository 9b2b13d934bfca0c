//! Keeps the secrets of endpoints. They must be read again to sign with them, so they are stored, but sealed: the
//! key is not in the database, and without it a copy of the database forges no webhook.

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
pub struct Vault(Arc<LessSafeKey>);

impl Vault {
    /// Takes the configured key; in development, without one, a random one in the data folder.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        match &config.webhooks.key {
            Some(key) => Self::new(key.expose().as_bytes()),
            None => {
                let key = key_file::read_or_make(&config.data.directory, DEVELOPMENT_KEY)?;
                Self::new(&key)
            }
        }
    }

    fn new(key: &[u8]) -> anyhow::Result<Self> {
        let key = Salt::new(HKDF_SHA256, &[]).extract(key);
        let key = key
            .expand(&[PURPOSE], &AES_256_GCM)
            .map_err(|_| anyhow::anyhow!("no key could be derived"))?;
        Ok(Self(Arc::new(LessSafeKey::new(UnboundKey::from(key)))))
    }

    /// What of the secret may be stored. It is good for this endpoint only: moved to another row, it does not open.
    pub fn seal(&self, endpoint: Uuid, secret: &SigningSecret) -> Result<Vec<u8>, Unspecified> {
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

    pub fn open(&self, endpoint: Uuid, sealed: &[u8]) -> Result<SigningSecret, Unspecified> {
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

    #[test]
    fn only_this_key_opens_and_only_for_its_endpoint() {
        let vault = Vault::new(b"key").expect("a vault");
        let secret = SigningSecret::generate().expect("random bytes");
        let endpoint = Uuid::now_v7();
        let sealed = vault.seal(endpoint, &secret).expect("a seal");
        assert!(vault.open(endpoint, &sealed) == Ok(secret.clone()));
        assert!(vault.open(Uuid::now_v7(), &sealed).is_err());
        let other = Vault::new(b"another key").expect("a vault");
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
}
