//! Who is asking.

use std::{collections::BTreeSet, sync::Arc};

/// A caller whose credential was verified. Cloned a few times a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is: the same in all its credentials.
    pub subject: String,
    /// Whose data it sees. Everything that is stored belongs to a tenant.
    pub tenant: String,
    /// What it may do, such as `documents:read`.
    pub scopes: Arc<BTreeSet<String>>,
}

/// Why a request has no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anonymous {
    /// There was no credential.
    Missing,
    /// There was one, and it does not hold; the detail is safe to tell.
    Invalid(&'static str),
    /// It could not be judged: what credentials are judged with is not there now.
    Unavailable,
}
