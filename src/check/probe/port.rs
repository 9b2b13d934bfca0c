//! A port for a service that is started later, and that nobody else gets in between.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::fd::OwnedFd,
};

use rustix::{
    io::{FdFlags, fcntl_setfd},
    net::{AddressFamily, SocketType, bind, socket, sockopt::set_socket_reuseaddr},
};

use super::Finding;
use crate::check::ports;

/// An address of this machine that is ours until this is dropped.
#[derive(Debug)]
pub struct Port {
    pub address: SocketAddr,
    /// Bound, and never listens. Whoever looks for a port finds it taken; a server may listen there all the same, for
    /// servers take an address that nobody listens on (`SO_REUSEADDR`), to be restarted at once. None where the
    /// system lets no server do so.
    _held: Option<OwnedFd>,
}

impl Port {
    pub fn take() -> Finding<Self> {
        for port in ports::candidates() {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let Ok(held) = hold(address) else { continue };
            let is_usable = TcpListener::bind(address).is_ok();
            return Ok(Self { address, _held: is_usable.then_some(held) });
        }
        Err("no port is free".to_owned())
    }
}

/// Fails where anybody else has the address, listening or not.
fn hold(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    bind(&socket, &address)?;
    // From now on, not before: two that hold an address would share it.
    set_socket_reuseaddr(&socket, true)?;
    Ok(socket)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_held_before_while_and_after_its_service_listens() {
        let port = Port::take().expect("a port");
        let is_taken = || hold(port.address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
        assert!(is_taken());
        let service = TcpListener::bind(port.address).expect("a service may listen");
        assert!(is_taken());
        assert!(TcpListener::bind(port.address).is_err(), "a second one may not");
        drop(service);
        assert!(is_taken());
        TcpListener::bind(port.address).expect("a service may be started again");
        let address = port.address;
        drop(port);
        hold(address).expect("it is anybody's again");
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_taken() {
        let port = Port::take().expect("a port");
        let _stranger = TcpListener::bind(port.address).expect("a listener");
        assert!(hold(port.address).is_err());
    }
}
