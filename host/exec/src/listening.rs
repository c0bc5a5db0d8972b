//! What listens in the network of a process.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use crate::{PROXY_PORT, ProcessHandle, diagnosis::Listener, procfs};

/// What is read of a table of sockets. The kernel lists listeners first; this holds more than six thousand.
const TABLE_LIMIT: u64 = 1 << 20;
/// Open files that are looked at to find out whose listeners are.
const FILES_LIMIT: usize = 20_000;
/// The state of a listener in the kernel's tables (`TCP_LISTEN`).
const LISTEN: &str = "0A";

/// A TCP socket that listens and can be reached from its own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listening {
    /// An address at which it is reached: for one that listens on all, the loopback address.
    pub address: SocketAddr,
    /// Names the socket for the kernel; see [`owners`].
    pub inode: u64,
}

/// Listeners in the order of their ports, those that can be reached and are the workspace's.
pub(crate) fn sorted(listeners: impl IntoIterator<Item = Listener>) -> Vec<Listening> {
    let reached = |Listener { ip, port, inode }| reachable(ip, port).map(|address| Listening { address, inode });
    let mut found: Vec<_> = listeners.into_iter().filter_map(reached).collect();
    found.sort_unstable_by_key(|listening| (listening.address.port(), listening.address));
    found
}

/// The listeners in the network of a process by its tables: slow, for kernels that cannot be asked otherwise.
pub(crate) fn by_tables(process: ProcessHandle) -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    for table in ["tcp", "tcp6"] {
        let file = match fs::File::open(format!("/proc/{}/net/{table}", process.pid)) {
            Ok(file) => file,
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound && table == "tcp6" => continue,
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(TABLE_LIMIT).read_to_string(&mut text)?;
        found.extend(text.lines().skip(1).map_while(listener));
    }
    Ok(found)
}

/// The names of the programs whose listeners these are, by their inodes, as far as they can be told: names are what the
/// programs call themselves. Looks at all processes of the machine and blocks for some milliseconds.
pub fn owners(process: ProcessHandle, of: &HashSet<u64>) -> HashMap<u64, String> {
    let network = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let Some(wanted) = network(process.pid) else { return HashMap::new() };
    let Ok(all) = fs::read_dir("/proc") else { return HashMap::new() };
    let inside = all
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|&pid| network(pid).as_ref() == Some(&wanted));
    let mut found = HashMap::new();
    let mut files_left = FILES_LIMIT;
    for pid in inside {
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        for file in files.flatten() {
            if found.len() == of.len() || files_left == 0 {
                return found;
            }
            files_left -= 1;
            let inode = fs::read_link(file.path()).ok().and_then(|link| socket_inode(&link));
            if let Some(inode) = inode.filter(|inode| of.contains(inode) && !found.contains_key(inode))
                && let Some(name) = name(pid)
            {
                found.insert(inode, name);
            }
        }
    }
    found
}

fn socket_inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// At most 15 bytes, of which what is no text or could change a terminal is replaced.
fn name(pid: i32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(&name).trim_end_matches('\n').replace(char::is_control, "\u{fffd}");
    (!name.is_empty()).then_some(name)
}

impl ProcessHandle {
    /// Whether it lives.
    pub fn is_alive(self) -> bool {
        procfs::stat(nix::unistd::Pid::from_raw(self.pid)).is_some_and(|s| s.started == self.started && !s.zombie)
    }
}

/// A line of a table; nothing after the last listener.
fn listener(line: &str) -> Option<Listener> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    let inode = fields.nth(5)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    Some(Listener { ip: ip(address)?, port: u16::from_str_radix(port, 16).ok()?, inode })
}

/// The kernel prints addresses as numbers of 32 bits, each as it lies in memory.
fn ip(text: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// Where a listener is reached from its own machine, unless it is the way out of a network.
fn reachable(ip: IpAddr, port: u16) -> Option<SocketAddr> {
    let ip = match ip.to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip if ip.is_loopback() => ip,
        _ => return None,
    };
    let entrance = |ip: Ipv4Addr| matches!(ip.octets(), [127, 64..=127, ..]) && port == PROXY_PORT;
    match ip {
        IpAddr::V4(ip) if entrance(ip) => None,
        ip => Some(SocketAddr::new(ip, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

    #[cfg(target_endian = "little")]
    fn read(lines: &[&str]) -> Vec<String> {
        let text = format!("{HEAD}\n{}", lines.join("\n"));
        let found = sorted(text.lines().skip(1).map_while(listener));
        found.iter().map(|listening| format!("{} {}", listening.address, listening.inode)).collect()
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn listeners_on_loopback_and_on_all_addresses_are_found_up_to_the_first_that_is_none() {
        let lines = [
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0",
            "   1: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 100 0 0 10 0",
            "   2: 0200000A:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 13 1 0 100 0 0 10 0",
            "   3: 0100007F:1F91 0100007F:0050 01 00000000:00000000 00:00000000 00000000  1000        0 14 1 0 100 0 0 10 0",
            "   4: 0100007F:1F92 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 15 1 0 100 0 0 10 0",
        ];

        assert_eq!(read(&lines), ["127.0.0.1:3000 12", "127.0.0.1:8080 11"]);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn addresses_of_version_6_are_read_and_those_that_hold_one_of_version_4_are_that() {
        let line = |address: &str| {
            format!("   0: {address}:0050 {}:0000 0A 0:0 00:0 0  1000 0 7 1 0 100 0 0 10 0", "0".repeat(32))
        };
        let lines = [
            line("00000000000000000000000000000000"),
            line("00000000000000000000000001000000"),
            line("0000000000000000FFFF00000100007F"),
            line("B80D0120000000000000000001000000"),
        ];

        assert_eq!(read(&lines.each_ref().map(String::as_str)), ["127.0.0.1:80 7", "[::1]:80 7", "[::1]:80 7"]);
    }

    #[test]
    fn the_way_out_of_a_network_is_none_of_its_services() {
        let at = |ip: [u8; 4], port| reachable(Ipv4Addr::from(ip).into(), port);

        assert_eq!(at([127, 70, 1, 2], PROXY_PORT), None);
        assert!(at([127, 70, 1, 2], 8080).is_some(), "another port of such an address is the workspace's");
        assert!(at([127, 0, 0, 1], PROXY_PORT).is_some(), "so is this port of another address");
    }

    #[test]
    fn the_own_listener_is_found_with_the_name_of_this_program() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let me = nix::unistd::Pid::this();
        let own = ProcessHandle { pid: me.as_raw(), started: procfs::stat(me).unwrap().started };

        let found = sorted(by_tables(own).unwrap()).into_iter().find(|found| found.address == address).unwrap();

        assert!(owners(own, &HashSet::from([found.inode])).contains_key(&found.inode));
    }
}
