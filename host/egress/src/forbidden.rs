//! What no policy opens: the server itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::address::{ThisMachine, destination};

/// What no policy opens: the server itself. Whoever reaches the API or another workspace's proxy from inside a workspace
/// has left it.
///
/// The TCP listeners that a [`Proxy`](crate::Proxy) serves are forbidden to it without being named here.
#[derive(Debug, Clone, Default)]
pub struct Forbidden {
    sockets: Vec<SocketAddr>,
    addresses: Vec<IpAddr>,
}

impl Forbidden {
    /// Forbids a socket that the server listens at. One that is bound to all addresses (`0.0.0.0`, `::`) stands for its
    /// port at every address of this machine.
    #[must_use]
    pub fn socket(mut self, socket: SocketAddr) -> Self {
        self.add(socket);
        self
    }

    /// Forbids a port at every address of this machine.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.socket((Ipv4Addr::UNSPECIFIED, port).into())
    }

    /// Forbids every port of an address.
    #[must_use]
    pub fn address(mut self, address: IpAddr) -> Self {
        self.addresses.push(address.to_canonical());
        self
    }

    pub(crate) fn add(&mut self, socket: SocketAddr) {
        self.sockets.push(SocketAddr::new(socket.ip().to_canonical(), socket.port()));
    }

    pub(crate) fn remove(&mut self, socket: SocketAddr) {
        let socket = SocketAddr::new(socket.ip().to_canonical(), socket.port());
        if let Some(index) = self.sockets.iter().position(|other| *other == socket) {
            self.sockets.swap_remove(index);
        }
    }

    pub(crate) fn covers(&self, address: IpAddr, port: u16, machine: &ThisMachine) -> bool {
        let address = destination(address);
        self.addresses.contains(&address)
            || self.sockets.iter().any(|socket| {
                socket.port() == port
                    && (socket.ip() == address || (socket.ip().is_unspecified() && machine.has(address)))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(forbidden: &Forbidden, address: &str, port: u16) -> bool {
        let machine = ThisMachine::Known(vec!["198.51.100.7".parse().unwrap()]);
        forbidden.covers(address.parse::<IpAddr>().unwrap().to_canonical(), port, &machine)
    }

    #[test]
    fn a_socket_is_forbidden_at_its_address_and_port() {
        let forbidden = Forbidden::default().socket("127.0.0.1:80".parse().unwrap());
        assert!(covers(&forbidden, "127.0.0.1", 80));
        assert!(covers(&forbidden, "::ffff:127.0.0.1", 80));
        assert!(!covers(&forbidden, "127.0.0.1", 81));
        assert!(!covers(&forbidden, "127.0.0.2", 80));
    }

    #[test]
    fn a_socket_bound_to_all_addresses_is_forbidden_at_each_of_this_machine() {
        for socket in ["0.0.0.0:80", "[::]:80"] {
            let forbidden = Forbidden::default().socket(socket.parse().unwrap());
            for address in ["127.0.0.9", "::1", "198.51.100.7", "64:ff9b::198.51.100.7"] {
                assert!(covers(&forbidden, address, 80), "{address}");
                assert!(!covers(&forbidden, address, 81), "{address}");
            }
            assert!(!covers(&forbidden, "1.1.1.1", 80));
        }
    }

    #[test]
    fn an_address_is_forbidden_at_every_port() {
        let forbidden = Forbidden::default().address("192.0.2.1".parse().unwrap());
        assert!(covers(&forbidden, "192.0.2.1", 1));
        assert!(covers(&forbidden, "192.0.2.1", 65535));
        assert!(!covers(&forbidden, "192.0.2.2", 1));
    }
}
