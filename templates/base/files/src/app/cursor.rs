//! Cursors of lists: where the next page starts, signed so that a client cannot make one up or take
//! another tenant's.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use uuid::Uuid;

use super::{caller::Caller, key_file};
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
            None => {
                let key = key_file::read_or_make(&config.data.directory, DEVELOPMENT_KEY)?;
                Ok(Self::new(&key))
            }
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
