//! The address of the client, behind any number of proxies that we know.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The right-most address that is not a trusted proxy's. Whatever stands left of it was written by a
    /// stranger, so it is never looked at.
    pub fn of(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
        let mut client = peer.ip().to_canonical();
        for hop in forwarded(headers) {
            if !is_trusted(&client) {
                break;
            }
            match hop {
                Some(address) => client = address,
                None => break,
            }
        }
        Self(client)
    }
}

/// The hops from the nearest to the farthest; `None` for one that is no address.
fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    headers
        .get_all(FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .map(address)
}

/// Of one hop: what a stranger wrote beside it need not be text.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let address: IpAddr = str::from_utf8(hop).ok()?.trim().parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let forwarded: Vec<&[u8]> = forwarded.iter().map(|line| line.as_bytes()).collect();
        client_of_bytes(peer, &forwarded)
    }

    fn client_of_bytes(peer: &str, forwarded: &[&[u8]]) -> String {
        let peer = SocketAddr::new(peer.parse().expect("an address"), 1);
        let headers = forwarded.iter().map(|line| {
            (
                FORWARDED_FOR,
                HeaderValue::from_bytes(line).expect("a header"),
            )
        });
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        ClientAddress::of(peer, &headers.collect(), &trusted)
            .0
            .to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 198.51.100.1", "10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(client("10.0.0.1", &["6.6.6.6, nonsense"]), "10.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn what_is_no_text_hides_nobody() {
        let line = b"\xe9, 198.51.100.1, 10.0.0.2".as_slice();
        assert_eq!(client_of_bytes("10.0.0.1", &[line]), "198.51.100.1");
        assert_eq!(client_of_bytes("10.0.0.1", &[b"6.6.6.6, \xe9"]), "10.0.0.1");
    }
}
