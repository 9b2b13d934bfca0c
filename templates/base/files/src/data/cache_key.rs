//! The key of a cached value. It cannot be made without saying whose value it is, so one caller never sees
//! another's.
//!
//! ```compile_fail,E0061
//! use service::data::cache_key::CacheKey;
//! // No scope: does not compile.
//! let key = CacheKey::new("usage", &[]);
//! ```

use crate::app::caller::Caller;

/// Whose value is cached.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// This caller's alone.
    Caller(&'a Caller),
    /// Every caller's of this caller's tenant.
    Tenant(&'a Caller),
    /// The same for everybody, known and unknown.
    Public,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey(String);

impl CacheKey {
    /// `kind` names what is cached, `dimensions` everything else that changes the value.
    pub fn new(scope: Scope<'_>, kind: &'static str, dimensions: &[&str]) -> Self {
        let mut key = String::new();
        let owner: &[&str] = match scope {
            Scope::Caller(caller) => &["caller", &caller.tenant, &caller.subject],
            Scope::Tenant(caller) => &["tenant", &caller.tenant],
            Scope::Public => &["public"],
        };
        for part in owner.iter().chain([&kind]).chain(dimensions) {
            // The length in front keeps ("ab", "c") apart from ("a", "bc").
            key.push_str(&part.len().to_string());
            key.push(':');
            key.push_str(part);
        }
        Self(key)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use super::*;

    fn caller(tenant: &str, subject: &str) -> Caller {
        Caller {
            subject: subject.to_owned(),
            tenant: tenant.to_owned(),
            scopes: Arc::default(),
        }
    }

    /// Names that would run together if they were only joined.
    const NAMES: [&str; 7] = ["a", "ab", "b", "", ":", "1:a", "a1:b"];

    #[test]
    fn no_two_callers_share_a_key() {
        let mut keys = HashSet::new();
        for tenant in NAMES {
            for subject in NAMES {
                for dimension in NAMES {
                    let caller = caller(tenant, subject);
                    let key = CacheKey::new(Scope::Caller(&caller), "usage", &[dimension]);
                    assert!(keys.insert(key), "{tenant:?} {subject:?} {dimension:?}");
                }
            }
        }
    }

    #[test]
    fn scopes_are_apart() {
        let caller = caller("a", "a");
        let keys = [
            Scope::Caller(&caller),
            Scope::Tenant(&caller),
            Scope::Public,
        ]
        .map(|scope| CacheKey::new(scope, "usage", &[]));
        assert_eq!(HashSet::from(keys).len(), 3);
    }
}
