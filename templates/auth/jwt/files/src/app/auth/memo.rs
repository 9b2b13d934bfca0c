//! Tokens that were verified a moment ago: a signature costs some 50 µs to verify, a look here one. It lives
//! and dies with the key set that verified them, so a withdrawn key takes its tokens with it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use ring::digest::{SHA256, SHA256_OUTPUT_LEN};

use super::claims::Verified;
use crate::{app::caller::Caller, lock::LockAnyway as _};

/// Bounds what a memo can hold; who has as many tokens in half a minute pays for a signature now and then.
const CAPACITY: usize = 4096;

/// The longest that a token is believed without another look.
const LONGEST: Duration = Duration::from_secs(30);

/// Of a whole token, signature included: tokens that differ in a bit are different tokens.
pub(super) type Digest = [u8; SHA256_OUTPUT_LEN];

#[derive(Default)]
pub(super) struct Memo(Mutex<HashMap<Digest, Entry>>);

struct Entry {
    caller: Caller,
    until: Instant,
}

pub(super) fn digest(token: &str) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(ring::digest::digest(&SHA256, token.as_bytes()).as_ref());
    digest
}

impl Memo {
    pub(super) fn get(&self, digest: &Digest) -> Option<Caller> {
        let entries = self.entries();
        let entry = entries.get(digest)?;
        (Instant::now() < entry.until).then(|| entry.caller.clone())
    }

    /// Remembers a caller for half a minute, or until its token expires where that is sooner.
    pub(super) fn insert(&self, digest: Digest, verified: &Verified) {
        let now = Instant::now();
        let until = now + verified.expires_in.min(LONGEST);
        let mut entries = self.entries();
        if entries.len() >= CAPACITY {
            entries.retain(|_, entry| now < entry.until);
        }
        if entries.len() >= CAPACITY {
            entries.clear();
        }
        entries.insert(
            digest,
            Entry {
                caller: verified.caller.clone(),
                until,
            },
        );
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Digest, Entry>> {
        self.0.lock_anyway()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn verified(subject: &str, expires_in: Duration) -> Verified {
        let (subject, tenant) = (subject.to_owned(), "tenant".to_owned());
        Verified {
            caller: Caller {
                subject,
                tenant,
                scopes: Arc::default(),
            },
            expires_in,
        }
    }

    fn subject(memo: &Memo, token: &str) -> Option<String> {
        memo.get(&digest(token)).map(|caller| caller.subject)
    }

    #[test]
    fn a_caller_is_found_by_its_whole_token_only() {
        let memo = Memo::default();
        memo.insert(digest("a.b.c"), &verified("ada", LONGEST));
        assert_eq!(subject(&memo, "a.b.c").as_deref(), Some("ada"));
        assert_eq!(subject(&memo, "a.b.d"), None);
    }

    #[test]
    fn an_expired_token_is_forgotten() {
        let memo = Memo::default();
        memo.insert(digest("a.b.c"), &verified("ada", Duration::ZERO));
        assert_eq!(subject(&memo, "a.b.c"), None);
    }

    #[test]
    fn it_never_grows_beyond_its_capacity() {
        let memo = Memo::default();
        for number in 0..3 * CAPACITY {
            memo.insert(digest(&number.to_string()), &verified("ada", LONGEST));
            assert!(memo.entries().len() <= CAPACITY);
        }
    }

    #[test]
    fn what_has_expired_makes_room_before_what_has_not() {
        let memo = Memo::default();
        memo.insert(digest("kept"), &verified("ada", LONGEST));
        for number in 0..CAPACITY {
            memo.insert(
                digest(&number.to_string()),
                &verified("bob", Duration::ZERO),
            );
        }
        assert_eq!(subject(&memo, "kept").as_deref(), Some("ada"));
    }
}
