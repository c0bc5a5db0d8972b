//! Asking the kernel for the listeners of a network (`sock_diag(7)`). The tables in `/proc/PID/net` tell the same, but to
//! read them the kernel goes through every connection of the machine, which takes tens of milliseconds.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    libc,
    sys::socket::{MsgFlags, NetlinkAddr, recvfrom, sendto},
};

/// A listener as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
    pub(crate) inode: u64,
}

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// The bit of `TCP_LISTEN` among the states of TCP.
const LISTENING: u32 = 1 << 10;
/// Bytes of `struct nlmsghdr`, `struct inet_diag_req_v2` and `struct inet_diag_msg`.
const HEADER: usize = 16;
const REQUEST: usize = 56;
const ANSWER: usize = 72;
/// Where in an answer its parts are: `id.idiag_sport`, `id.idiag_src`, `idiag_inode`.
const PORT: usize = 4;
const ADDRESS: usize = 8;
const INODE: usize = 68;
/// What one read takes at most; the kernel sends no more at once.
const BUFFER: usize = 32 << 10;
/// Listeners that are told at most.
const MOST: usize = 8192;

/// The listeners in the network in which the socket was made.
pub(crate) fn listeners(socket: &OwnedFd) -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let request = request(family as u8);
        sendto(socket.as_raw_fd(), &request, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
        receive(socket, &mut found)?;
    }
    Ok(found)
}

fn request(family: u8) -> [u8; HEADER + REQUEST] {
    let mut request = [0; HEADER + REQUEST];
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    request[..4].copy_from_slice(&((HEADER + REQUEST) as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    request[6..8].copy_from_slice(&flags.to_ne_bytes());
    request[HEADER] = family;
    request[HEADER + 1] = libc::IPPROTO_TCP as u8;
    request[HEADER + 4..HEADER + 8].copy_from_slice(&LISTENING.to_ne_bytes());
    request
}

/// Reads one list to its end.
fn receive(socket: &OwnedFd, found: &mut Vec<Listener>) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let (length, from) = recvfrom::<NetlinkAddr>(socket.as_raw_fd(), &mut buffer)?;
        // Whoever may administer the network can send here as well.
        if from.is_none_or(|from| from.pid() != 0) {
            continue;
        }
        if read(&buffer[..length], found)? {
            return Ok(());
        }
    }
}

/// Reads some messages; true after the last of a list.
fn read(mut messages: &[u8], found: &mut Vec<Listener>) -> io::Result<bool> {
    while let Some(header) = messages.get(..HEADER) {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let body = messages.get(HEADER..length).ok_or(io::ErrorKind::InvalidData)?;
        match i32::from(u16::from_ne_bytes([header[4], header[5]])) {
            libc::NLMSG_DONE => return Ok(true),
            libc::NLMSG_ERROR => {
                let code = body.get(..4).and_then(|code| code.try_into().ok()).map_or(libc::EIO, i32::from_ne_bytes);
                return Err(Errno::from_raw(code.wrapping_neg()).into());
            }
            _ if found.len() < MOST => found.extend(listener(body)),
            _ => {}
        }
        // Each begins at a multiple of four.
        messages = messages.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn listener(answer: &[u8]) -> Option<Listener> {
    let answer: &[u8; ANSWER] = answer.first_chunk()?;
    let address = &answer[ADDRESS..];
    let ip = match i32::from(answer[0]) {
        libc::AF_INET => Ipv4Addr::from(*address.first_chunk::<4>()?).into(),
        libc::AF_INET6 => Ipv6Addr::from(*address.first_chunk::<16>()?).into(),
        _ => return None,
    };
    let port = u16::from_be_bytes(*answer[PORT..].first_chunk()?);
    let inode = u32::from_ne_bytes(*answer[INODE..].first_chunk()?).into();
    Some(Listener { ip, port, inode })
}
