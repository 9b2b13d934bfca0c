//! Where webhooks may go. Their URLs come from tenants, and must not lead to what only this machine and its
//! network can reach: a database, a cloud's metadata, the service's own admin listener.
//!
//! A URL is checked when it is registered and before each use; the addresses of its name are judged when they
//! are connected to, so a name that leads elsewhere the second time wins nothing.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use crate::config::Webhooks;

/// What IANA's registry of special addresses says is not for everybody, and one that a cloud took for its
/// metadata from its public ones.
const SPECIAL: [Ipv4Net; 17] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([168, 63, 129, 16], 32),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 31, 196, 0], 24),
    v4([192, 52, 193, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    // Multicast, reserved, and broadcast at its end.
    v4([224, 0, 0, 0], 3),
];

/// Of IPv6 only this is for everybody.
const GLOBAL: Ipv6Net = v6([0x2000, 0], 3);

/// And of it not these: protocols' own and tunnels (Teredo among them), examples, 6to4, examples again.
const SPECIAL_GLOBAL: [Ipv6Net; 4] = [
    v6([0x2001, 0], 23),
    v6([0x2001, 0xdb8], 32),
    v6([0x2002, 0], 16),
    v6([0x3fff, 0], 20),
];

/// An IPv4 address behind a translator: the last 32 bits say which (RFC 6052).
const TRANSLATED: Ipv6Net = v6([0x64, 0xff9b], 96);

/// No address of the name may be reached.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it leads to an address that webhooks may not reach")]
pub struct Forbidden;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Webhooks>);

impl Guard {
    pub fn new(config: &Webhooks) -> Self {
        Self(Arc::new(config.clone()))
    }

    /// The URL, or why no webhook may go there, as far as one can tell before its name is looked up.
    pub fn check(&self, text: &str) -> Result<Url, &'static str> {
        let url = Url::parse(text).map_err(|_| "must be a URL")?;
        match url.scheme() {
            "https" => {}
            "http" if !self.0.is_strict => {}
            _ => return Err("must begin with https://"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must hold neither a user's name nor a password");
        }
        if url.fragment().is_some() {
            return Err("must not have a fragment");
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if self.0.is_strict && !self.0.allowed_ports.contains(&port) {
            return Err("has a port that webhooks may not reach");
        }
        let host = url.host_str().ok_or("must name a host")?;
        match literal(host) {
            Some(address) if !self.admits(address) => {
                Err("leads to an address that webhooks may not reach")
            }
            _ => Ok(url),
        }
    }

    /// Whether webhooks may connect to this address.
    pub fn admits(&self, address: IpAddr) -> bool {
        // IPv4 in IPv6's clothes is judged as what it is.
        let address = address.to_canonical();
        let mut allowed = self.0.allowed_networks.iter();
        allowed.any(|network| network.contains(&address)) || is_for_everybody(address)
    }
}

/// Looks names up, and keeps what webhooks may reach of what they lead to.
pub(super) struct Filtered {
    pub(super) guard: Guard,
    pub(super) names: Arc<dyn Resolve>,
}

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, found) = (self.guard.clone(), self.names.resolve(name));
        Box::pin(async move {
            let admitted = found.await?.filter(|found| guard.admits(found.ip()));
            // The port is the URL's, whatever the look-up says.
            let admitted: Vec<SocketAddr> = admitted
                .map(|found| SocketAddr::new(found.ip(), 0))
                .collect();
            if admitted.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// Names as the system knows them.
pub(super) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A host that is an address is not looked up. The URL's parser has written out all shorthands by now.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

fn is_for_everybody(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL.iter().any(|special| special.contains(&address)),
        IpAddr::V6(address) if TRANSLATED.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            is_for_everybody(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V6(address) => {
            let mut special = SPECIAL_GLOBAL.iter();
            GLOBAL.contains(&address) && !special.any(|special| special.contains(&address))
        }
    }
}

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b]: [u16; 2], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}
