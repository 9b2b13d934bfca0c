//! Passwords, which are kept as hashes that take long to make: Argon2id with the parameters that OWASP names first. What is
//! stored says how it was made. Hashing computes, so it is done by `Context::compute`.

use anyhow::anyhow;
use argon2::{
    Argon2,
    password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString},
};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::config::Secret;

/// In characters: what NIST SP 800-63B-4 asks of a password that is all there is to a login.
pub const SHORTEST: usize = 15;
/// In characters; more says nothing more.
pub const LONGEST: usize = 256;

/// Of no password: a login of nobody's costs what one of somebody's does.
const NOBODYS: &str = concat!(
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdC4uLg$",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
);

pub fn hash(password: &str) -> anyhow::Result<Secret> {
    let mut salt = [0; 16];
    let filled = SystemRandom::new().fill(&mut salt);
    filled.map_err(|_| anyhow!("there is no randomness to be had"))?;
    let hash = SaltString::encode_b64(&salt).and_then(|salt| {
        Ok(Argon2::default()
            .hash_password(password.as_bytes(), &salt)?
            .to_string())
    });
    let hash = hash.map_err(|error| anyhow!("the password cannot be hashed: {error}"))?;
    Ok(Secret::new(hash))
}

/// Whether it is the password of this hash. Without one it never is, and that takes as long to find out.
pub fn verify(password: &str, hash: Option<&Secret>) -> bool {
    let stored = PasswordHash::new(hash.map_or(NOBODYS, Secret::expose));
    let fits = stored.is_ok_and(|stored| {
        let verified = Argon2::default().verify_password(password.as_bytes(), &stored);
        verified.is_ok()
    });
    fits && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let stored = hash("correct horse battery staple").expect("a hash");
        assert!(verify("correct horse battery staple", Some(&stored)));
        for wrong in [
            "correct horse battery stapl",
            "",
            "Correct horse battery staple",
        ] {
            assert!(!verify(wrong, Some(&stored)), "{wrong}");
        }
        let no_hash = Secret::new("no hash".to_owned());
        assert!(!verify("correct horse battery staple", Some(&no_hash)));
        let again = hash("correct horse battery staple").expect("a hash");
        assert_ne!(stored, again, "it is salted");
    }

    /// Nobody's is of the same make: else its login would be over sooner, or later.
    #[test]
    fn nobodys_costs_the_same() {
        let stored = hash("a password of somebody's").expect("a hash");
        let make = |hash: &str| {
            let parts: Vec<String> = hash.split('$').map(str::to_owned).collect();
            let lengths: Vec<usize> = parts.iter().map(String::len).collect();
            (parts[..4].to_vec(), lengths)
        };
        assert_eq!(make(NOBODYS), make(stored.expose()));
        assert!(PasswordHash::new(NOBODYS).is_ok());
        assert!(!verify("", None));
    }
}
