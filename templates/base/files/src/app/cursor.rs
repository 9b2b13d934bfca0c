//! Cursors of lists: where the next page starts, signed so that a client cannot make one up or take
//! another tenant's.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use uuid::Uuid;

use super::caller::Caller;
use crate::{config::Config, edge::problem::Problem};

const UUID_LENGTH: usize = 16;
const DEVELOPMENT_KEY: &str = "cursor.key";

/// Cheap to clone.
#[derive(Clone)]
pub struct Cursors {
    key: Arc<hmac::Key>,
}

impl Cursors {
    /// Takes the configured key; in development, without one, a random one in the data folder.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        match &config.pagination.cursor_key {
            Some(secret) => Ok(Self::new(secret.expose().as_bytes())),
            None => Ok(Self::new(&development_key(&config.data.directory)?)),
        }
    }

    fn new(secret: &[u8]) -> Self {
        Self {
            key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)),
        }
    }

    /// The cursor of the page after `last`.
    pub fn after(&self, last: Uuid, caller: &Caller) -> String {
        let signature = hmac::sign(&self.key, &message(last, caller));
        URL_SAFE_NO_PAD.encode([last.as_bytes(), signature.as_ref()].concat())
    }

    /// Where the page starts that `cursor` names.
    pub fn read(&self, cursor: &str, caller: &Caller) -> Result<Uuid, Problem> {
        let invalid =
            || Problem::bad_request("the cursor is not one that this service gave to this caller");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let (id, signature) = bytes.split_at_checked(UUID_LENGTH).ok_or_else(invalid)?;
        let last = Uuid::from_slice(id).map_err(|_| invalid())?;
        hmac::verify(&self.key, &message(last, caller), signature).map_err(|_| invalid())?;
        Ok(last)
    }
}

fn message(last: Uuid, caller: &Caller) -> Vec<u8> {
    [last.as_bytes(), caller.tenant.as_bytes()].concat()
}

/// Reads the key or makes it. Of two processes that start at once, the first to link its file wins.
fn development_key(directory: &Path) -> anyhow::Result<Vec<u8>> {
    let path = directory.join(DEVELOPMENT_KEY);
    if !path.exists() {
        let mut key = [0; 32];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_| anyhow::anyhow!("the system gave no random bytes"))?;
        let own = directory.join(format!("{DEVELOPMENT_KEY}.{}", std::process::id()));
        let mut file = fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&own)
            .with_context(|| format!("{} cannot be made", own.display()))?;
        file.write_all(&key)?;
        file.sync_all()?;
        fs::hard_link(&own, &path).ok();
        fs::remove_file(&own)?;
    }
    fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))
}

#[cfg(test)]
mod tests {

    use super::*;

    fn caller(tenant: &str) -> Caller {
        Caller {
            subject: "s".to_owned(),
            tenant: tenant.to_owned(),
            scopes: Arc::default(),
        }
    }

    #[test]
    fn a_cursor_is_good_for_its_tenant_and_untouched_only() {
        let cursors = Cursors::new(b"key");
        let last = Uuid::now_v7();
        let cursor = cursors.after(last, &caller("a"));
        assert_eq!(
            cursors
                .read(&cursor, &caller("a"))
                .map_err(|problem| problem.status),
            Ok(last)
        );
        let status = |cursor: &str, caller| {
            cursors
                .read(cursor, &caller)
                .map_err(|problem| problem.status)
        };
        assert_eq!(status(&cursor, caller("b")), Err(400));
        assert_eq!(status("", caller("a")), Err(400));
        assert_eq!(status("AAAA", caller("a")), Err(400));
        for position in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(status(&forged, caller("a")), Err(400), "{forged}");
        }
    }
}
