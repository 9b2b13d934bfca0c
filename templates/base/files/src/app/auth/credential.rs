//! How somebody who tests the service comes by a credential.

use serde_json::{Value, json};

use super::DEFAULT_SCOPES;

/// How `formwork check` gets a credential: it runs this binary with `command`.
pub fn credential() -> Value {
    json!({
        "command": ["token", "--subject", "{subject}", "--tenant", "{tenant}", "--scope", "{scope}"],
        "scope": DEFAULT_SCOPES,
        "header": "authorization",
        "value": "Bearer {output}",
    })
}
