//! Who is at the other end of a local socket.

use std::{fs, os::fd::AsFd};

use nix::{
    sys::socket::{getsockopt, sockopt::PeerCredentials},
    unistd::Uid,
};

/// Whether it is this process's user or root, and not inside a workspace. Where a server is an ordinary user its
/// workspaces have that user's id too, and those with a network of their own are told by their user namespace. One that
/// shares the server's network without any namespace cannot be told.
pub(crate) fn may_speak(stream: &impl AsFd) -> bool {
    getsockopt(stream, PeerCredentials).is_ok_and(|peer| {
        let uid = Uid::from_raw(peer.uid());
        let own = Uid::effective();
        uid.is_root() || (uid == own && shares_user_namespace(peer.pid()))
    })
}

/// Which users a process has may be read even of a supervisor, whose namespaces may not be looked at. A workspace has one,
/// the server's; a server that has no more itself is in a namespace of the same kind.
fn shares_user_namespace(pid: i32) -> bool {
    let users = |process: &str| fs::read_to_string(format!("/proc/{process}/uid_map")).ok();
    users("self").is_some_and(|own| users(&pid.to_string()) == Some(own))
}
