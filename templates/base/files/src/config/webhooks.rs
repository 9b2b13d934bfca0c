//! Where webhooks may go, and whose are taken.

use ipnet::IpNet;

use super::{Environment, Secret};
use crate::jobs::webhooks::SigningSecret;

/// A shorter key can be guessed by whoever has a copy of the database.
const SHORTEST_KEY: usize = 32;

#[derive(Clone, Debug)]
pub struct Webhooks {
    /// The first seals the secrets of endpoints, and each opens what it has sealed. The same on every instance.
    pub keys: Vec<Secret>,
    /// Only https, and only to these ports.
    pub is_strict: bool,
    pub allowed_ports: Vec<u16>,
    /// Networks that are not for everybody, and may be reached all the same.
    pub allowed_networks: Vec<IpNet>,
    /// What messages from outside are signed with: one secret, or two while it is rotated.
    pub inbound_secrets: Vec<SigningSecret>,
}

impl Webhooks {
    pub(super) fn read(environment: &mut Environment) -> Self {
        let networks = if environment.is_development() {
            "127.0.0.0/8,::1/128"
        } else {
            ""
        };
        let keys = keys(environment);
        let inbound = environment.secret("APP__WEBHOOKS__INBOUND_SECRET");
        let inbound = inbound.as_ref().map_or("", Secret::expose);
        let inbound_secrets: Option<Vec<SigningSecret>> = inbound
            .split_whitespace()
            .map(SigningSecret::parse)
            .collect();
        environment.rule(inbound_secrets.is_some(), || {
            "APP__WEBHOOKS__INBOUND_SECRET must be whsec_ and 24 to 64 bytes in base64, or two such secrets with a space \
             between them"
                .to_owned()
        });
        Self {
            keys,
            is_strict: !environment.is_development(),
            allowed_ports: environment.value("APP__WEBHOOKS__ALLOWED_PORTS", "443,8443"),
            allowed_networks: environment.value("APP__WEBHOOKS__ALLOWED_NETWORKS", networks),
            inbound_secrets: inbound_secrets.unwrap_or_default(),
        }
    }
}

/// Of before a rotation as well, until all is sealed anew.
fn keys(environment: &mut Environment) -> Vec<Secret> {
    let keys = environment.secret("APP__WEBHOOKS__KEY");
    environment.required_in_production(
        "APP__WEBHOOKS__KEY",
        keys.is_some(),
        "it seals the secrets of webhook endpoints, alike on every instance; 32 random bytes as text will do",
    );
    let Some(keys) = keys else { return Vec::new() };
    let keys: Vec<&str> = keys.expose().split(' ').collect();
    let are_long = keys.iter().all(|key| key.len() >= SHORTEST_KEY);
    environment.rule(are_long, || {
        format!(
            "APP__WEBHOOKS__KEY must have at least {SHORTEST_KEY} characters; so must each of several keys, with a space \
             between them"
        )
    });
    keys.into_iter()
        .map(|key| Secret::new(key.to_owned()))
        .collect()
}
