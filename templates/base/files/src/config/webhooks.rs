//! Where webhooks may go, and whose are taken.

use ipnet::IpNet;

use super::{Environment, Secret};
use crate::jobs::webhooks::SigningSecret;

/// A shorter key can be guessed by whoever has a copy of the database.
const SHORTEST_KEY: usize = 32;

#[derive(Clone, Debug)]
pub struct Webhooks {
    /// Seals the secrets of endpoints. The same on every instance.
    pub key: Option<Secret>,
    /// While the key is rotated: opens what it has sealed itself.
    pub other_key: Option<Secret>,
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
        let key = sealing_key(environment, "APP__WEBHOOKS__KEY");
        environment.required_in_production(
            "APP__WEBHOOKS__KEY",
            key.is_some(),
            "it seals the secrets of webhook endpoints, alike on every instance; 32 random bytes as text will do",
        );
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
            key,
            other_key: sealing_key(environment, "APP__WEBHOOKS__OTHER_KEY"),
            is_strict: !environment.is_development(),
            allowed_ports: environment.value("APP__WEBHOOKS__ALLOWED_PORTS", "443,8443"),
            allowed_networks: environment.value("APP__WEBHOOKS__ALLOWED_NETWORKS", networks),
            inbound_secrets: inbound_secrets.unwrap_or_default(),
        }
    }
}

fn sealing_key(environment: &mut Environment, name: &'static str) -> Option<Secret> {
    let key = environment.secret(name);
    let is_long = key
        .as_ref()
        .is_none_or(|key| key.expose().len() >= SHORTEST_KEY);
    environment.rule(is_long, || {
        format!("{name} must have at least {SHORTEST_KEY} characters")
    });
    key
}
