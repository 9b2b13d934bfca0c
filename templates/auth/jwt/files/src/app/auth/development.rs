//! The key pair that stands in for an identity provider in development. It is made by whoever needs it first,
//! in the data folder, which git ignores; production refuses it.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, anyhow};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde::Serialize;

use super::key_set::KeySet;

/// PKCS #8, as DER.
const FILE: &str = "development-key.der";

pub(super) struct KeyPair {
    document: Vec<u8>,
    public: Vec<u8>,
}

impl KeyPair {
    /// Processes that start at once on one folder end with one key pair: the first to lock the file fills it.
    pub(super) fn load_or_create(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        fs::create_dir_all(directory)
            .and_then(|()| open(&path))
            .and_then(load_or_fill)
            .and_then(|document| Self::parse(document).map_err(std::io::Error::other))
            .with_context(|| format!("the development key pair {}", path.display()))
    }

    fn parse(document: Vec<u8>) -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(&document);
        let pair = pair.map_err(|_| anyhow!("it is damaged: delete it, and a new one is made"))?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self { document, public })
    }

    pub(super) fn key_set(&self) -> KeySet {
        KeySet::of_one(
            self.id(),
            Algorithm::EdDSA,
            DecodingKey::from_ed_der(&self.public),
        )
    }

    /// Signs `claims` as a token.
    pub(super) fn sign(&self, claims: &impl Serialize) -> anyhow::Result<String> {
        let header = Header {
            kid: Some(self.id()),
            ..Header::new(Algorithm::EdDSA)
        };
        Ok(encode(
            &header,
            claims,
            &EncodingKey::from_ed_der(&self.document),
        )?)
    }

    /// The thumbprint of RFC 7638: another key pair is another key, whatever made it.
    fn id(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(&self.public);
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// What the file holds, or what is written to it when it is empty: just made, or left so by a process that
/// was killed there.
fn load_or_fill(mut file: File) -> std::io::Result<Vec<u8>> {
    file.lock()?;
    let mut document = Vec::new();
    file.read_to_end(&mut document)?;
    if document.is_empty() {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let made = made.map_err(|_| std::io::Error::other("there is no randomness to be had"))?;
        document.extend_from_slice(made.as_ref());
        file.write_all(&document)?;
        file.sync_all()?;
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, os::unix::fs::PermissionsExt as _, thread};

    use super::*;

    #[test]
    fn the_file_is_for_its_owner_alone() {
        let directory = temp_dir::TempDir::new().expect("a folder");
        let data = directory.path().join("data");
        KeyPair::load_or_create(&data).expect("a key pair");
        let mode = fs::metadata(data.join(FILE))
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn all_who_start_at_once_have_the_same_key_pair() {
        let directory = temp_dir::TempDir::new().expect("a folder");
        let load = || {
            KeyPair::load_or_create(directory.path())
                .expect("a key pair")
                .id()
        };
        let ids: HashSet<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(load)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("an id"))
                .collect()
        });
        assert_eq!(ids, HashSet::from([load()]));
    }

    #[test]
    fn a_file_that_was_never_filled_is_filled() {
        let directory = temp_dir::TempDir::new().expect("a folder");
        fs::write(directory.path().join(FILE), "").expect("a file");
        let made = KeyPair::load_or_create(directory.path()).expect("a key pair");
        let loaded = KeyPair::load_or_create(directory.path()).expect("a key pair");
        assert_eq!(made.id(), loaded.id());
    }

    #[test]
    fn a_damaged_file_is_kept_and_named() {
        let directory = temp_dir::TempDir::new().expect("a folder");
        let path = directory.path().join(FILE);
        fs::write(&path, "not a key").expect("a file");
        let error = KeyPair::load_or_create(directory.path())
            .err()
            .expect("an error");
        let message = format!("{error:#}");
        assert!(message.contains(&path.display().to_string()), "{message}");
        assert!(message.contains("delete it"), "{message}");
        assert_eq!(fs::read(&path).expect("the file"), b"not a key");
    }

    /// RFC 8037, appendix A.3.
    #[test]
    fn the_id_is_the_published_thumbprint() {
        let public = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let pair = KeyPair {
            document: Vec::new(),
            public: public.expect("a public key"),
        };
        assert_eq!(pair.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
