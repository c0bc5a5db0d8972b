//! Which addresses are of the public internet.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use nix::ifaddrs::getifaddrs;

/// Why an address is not of the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// Where clouds hand credentials to their machines.
    Metadata,
    /// An address of the machine that the proxy runs on.
    ThisMachine,
    Loopback,
    LinkLocal,
    /// RFC 1918, and unique local addresses of RFC 4193.
    Private,
    /// Shared by the customers of a carrier, RFC 6598.
    Carrier,
    /// It wraps an IPv4 address in a way that only old tunnels understand.
    Tunnel,
    Multicast,
    /// Unspecified, documentation, benchmarks and what is assigned to nobody.
    Reserved,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "where clouds hand credentials to machines",
            Self::ThisMachine => "of the machine that the server runs on",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Private => "of a private network",
            Self::Carrier => "of a carrier's internal network",
            Self::Tunnel => "of an obsolete tunnel",
            Self::Multicast => "a multicast address",
            Self::Reserved => "reserved",
        })
    }
}

/// Metadata services. Sources: the documentation of AWS, Google Cloud and Azure (169.254.169.254, all clouds;
/// fd00:ec2::254; fd20:ce::254; 168.63.129.16), Alibaba Cloud (100.100.100.200), Oracle Cloud (192.0.0.192), and of the
/// container services of AWS (169.254.170.2, 169.254.170.23, fd00:ec2::23).
const METADATA: [IpAddr; 9] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Why an address is not of the public internet, or nothing if it is. The address is in canonical form.
pub(crate) fn special(address: IpAddr) -> Option<Special> {
    if METADATA.contains(&address) {
        return Some(Special::Metadata);
    }
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

/// The IANA registry of special-purpose IPv4 addresses (RFC 6890 and its updates).
fn special_v4(address: Ipv4Addr) -> Option<Special> {
    match address.octets() {
        [127, ..] => Some(Special::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Special::Private),
        [100, 64..=127, ..] => Some(Special::Carrier),
        [169, 254, ..] => Some(Special::LinkLocal),
        // The relays of 6to4, RFC 7526.
        [192, 88, 99, _] => Some(Special::Tunnel),
        [224..=239, ..] => Some(Special::Multicast),
        // "This network"; protocol assignments; documentation (three); benchmarks; future use and broadcast.
        [0, ..]
        | [192, 0, 0, _]
        | [192, 0, 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [198, 18..=19, ..]
        | [240..=255, ..] => Some(Special::Reserved),
        _ => None,
    }
}

/// The IANA registry of special-purpose IPv6 addresses. Only 2000::/3 is given out as global unicast; whatever lies
/// outside is refused even if it has no name yet.
fn special_v6(address: Ipv6Addr) -> Option<Special> {
    if let Some(embedded) = nat64(address) {
        let embedded = embedded.into();
        return special(embedded);
    }
    if address.is_loopback() {
        return Some(Special::Loopback);
    }
    match address.segments() {
        [0xfc00..=0xfdff, ..] => Some(Special::Private),
        // Link-local, and site-local of RFC 3879.
        [0xfe80..=0xfeff, ..] => Some(Special::LinkLocal),
        [0xff00..=0xffff, ..] => Some(Special::Multicast),
        // Teredo and 6to4.
        [0x2001, 0, ..] | [0x2002, ..] => Some(Special::Tunnel),
        // ISATAP, RFC 5214: the last 32 bits are an IPv4 address.
        [_, _, _, _, 0 | 0x0200, 0x5efe, _, _] => Some(Special::Tunnel),
        // Protocol assignments, benchmarks and identifiers in 2001::/23; documentation (two).
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Special::Reserved),
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Special::Reserved),
    }
}

/// The IPv4 address that a translator at the edge of an IPv6-only network would turn this address into (RFC 6052). It
/// is as good as that one: in such networks, every IPv4-only name resolves to one of these.
fn nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    }
}

/// The address that a connection ends up at, as far as the address itself tells.
pub(crate) fn destination(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => nat64(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The addresses of the machine that the proxy runs on. Services that a firewall hides from the world are open to
/// whoever connects from here, even through the machine's public address.
#[derive(Debug)]
pub(crate) enum ThisMachine {
    Known(Vec<IpAddr>),
    /// They could not be found out, so every address may be one of them.
    Unknown,
}

impl ThisMachine {
    /// Asks the system: addresses come and go.
    pub(crate) fn now() -> Self {
        match getifaddrs() {
            Ok(interfaces) => Self::Known(
                interfaces
                    .filter_map(|interface| {
                        let address = interface.address?;
                        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
                        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
                    })
                    .collect(),
            ),
            Err(error) => {
                tracing::error!(%error, "the machine's own addresses cannot be listed; all connections are refused");
                Self::Unknown
            }
        }
    }

    pub(crate) fn has(&self, address: IpAddr) -> bool {
        // Every address of 127.0.0.0/8 is this machine, though the interface lists but one.
        address.is_loopback()
            || address.is_unspecified()
            || match self {
                Self::Known(addresses) => addresses.contains(&address),
                Self::Unknown => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Special> {
        special(text.parse::<IpAddr>().unwrap().to_canonical())
    }

    #[test]
    fn addresses_of_the_public_internet_pass() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2001:200::1",
            "2a00::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn all_others_are_told_apart() {
        for (text, special) in [
            ("127.0.0.1", Special::Loopback),
            ("127.255.255.254", Special::Loopback),
            ("::1", Special::Loopback),
            ("::ffff:127.0.0.1", Special::Loopback),
            ("64:ff9b::127.0.0.1", Special::Loopback),
            ("10.1.2.3", Special::Private),
            ("172.16.0.1", Special::Private),
            ("172.31.255.255", Special::Private),
            ("192.168.0.1", Special::Private),
            ("::ffff:192.168.0.1", Special::Private),
            ("64:ff9b::10.0.0.1", Special::Private),
            ("fc00::1", Special::Private),
            ("fdff::1", Special::Private),
            ("100.64.0.1", Special::Carrier),
            ("100.127.255.255", Special::Carrier),
            ("169.254.0.1", Special::LinkLocal),
            ("fe80::1", Special::LinkLocal),
            ("fec0::1", Special::LinkLocal),
            ("169.254.169.254", Special::Metadata),
            ("::ffff:169.254.169.254", Special::Metadata),
            ("64:ff9b::169.254.169.254", Special::Metadata),
            ("168.63.129.16", Special::Metadata),
            ("100.100.100.200", Special::Metadata),
            ("fd00:ec2::254", Special::Metadata),
            ("2002:7f00:1::", Special::Tunnel),
            ("2001:0:1::1", Special::Tunnel),
            ("2a00::5efe:10.0.0.1", Special::Tunnel),
            ("192.88.99.1", Special::Tunnel),
            ("224.0.0.1", Special::Multicast),
            ("ff02::1", Special::Multicast),
            ("0.0.0.0", Special::Reserved),
            ("0.1.2.3", Special::Reserved),
            ("::", Special::Reserved),
            ("::127.0.0.1", Special::Reserved),
            ("192.0.2.1", Special::Reserved),
            ("198.51.100.1", Special::Reserved),
            ("203.0.113.1", Special::Reserved),
            ("198.18.0.1", Special::Reserved),
            ("198.19.255.255", Special::Reserved),
            ("255.255.255.255", Special::Reserved),
            ("240.0.0.1", Special::Reserved),
            ("2001:db8::1", Special::Reserved),
            ("2001:2::1", Special::Reserved),
            ("3fff::1", Special::Reserved),
            ("64:ff9b:1::1", Special::Reserved),
            ("100::1", Special::Reserved),
            ("4000::1", Special::Reserved),
        ] {
            assert_eq!(of(text), Some(special), "{text}");
        }
    }

    #[test]
    fn this_machine_has_its_loopback_addresses_and_no_foreign_ones() {
        let machine = ThisMachine::now();
        assert!(machine.has("127.3.2.1".parse().unwrap()));
        assert!(machine.has("::1".parse().unwrap()));
        assert!(!machine.has("1.1.1.1".parse().unwrap()));
    }

    #[test]
    fn a_machine_that_does_not_know_itself_may_be_anyone() {
        assert!(ThisMachine::Unknown.has("1.1.1.1".parse().unwrap()));
    }
}
