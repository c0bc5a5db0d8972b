//! What can go wrong, told so that a person can mend it.

use std::{fmt::Display, io, path::Path};

use rustix::io::Errno;
use sandboxed_files::Error as FileError;
use sandboxed_model::{Blame, Failure};

/// The plan cannot be followed.
pub(crate) fn unsupported(what: String) -> Failure {
    Failure::new(
        Blame::Plugin,
        "install.unsupported",
        format!("the plan of the installation cannot be followed: {what}"),
    )
    .with_hint("install another version of the plugin: `sandboxed-sh plugin list` shows which there is")
}

/// Nobody answers, or not with what was asked for.
pub(crate) fn unreachable(address: &str, why: impl Display) -> Failure {
    Failure::new(Blame::Unavailable, "install.unreachable", format!("{address} cannot be fetched: {why}")).with_hint(
        "check the network of the server, or set [harnesses] registry or mirror in sandboxed.toml, and install again; what was \
         fetched is kept",
    )
}

/// The server does not have it.
pub(crate) fn not_found(address: &str) -> Failure {
    Failure::new(Blame::Config, "install.not_found", format!("there is no {address}"))
        .with_hint("check the version that the plugin's config asks for, and [harnesses] registry in sandboxed.toml")
}

/// It is not what the plan says.
pub(crate) fn checksum(what: &str, expected: impl Display, got: impl Display) -> Failure {
    let message = format!("{what} is not what the plan asks for: expected {expected}, got {got}");
    Failure::new(Blame::Denied, "install.checksum", message).with_hint(
        "it was removed where it had been downloaded; install again, and if that fails too do not trust the registry or mirror \
         in [harnesses] of sandboxed.toml",
    )
}

/// The bytes are right and cannot be used.
pub(crate) fn archive(what: &str, why: impl Display) -> Failure {
    Failure::new(Blame::Plugin, "install.archive", format!("{what} cannot be unpacked: {why}"))
        .with_hint("the plan of the plugin does not fit the archive; install another version of the plugin")
}

/// The program does not work.
pub(crate) fn check(command: &str, why: &str) -> Failure {
    Failure::new(Blame::Unavailable, "install.check_failed", format!("`{command}` does not work here: {why}"))
        .with_hint("see what the program lacks on this machine with `sandboxed-sh doctor`, then install again")
}

/// Archives that the mirror lacks, while nothing may be fetched.
pub(crate) fn offline(missing: &[String]) -> Failure {
    let message =
        format!("nothing is fetched in offline operation, and these archives are missing: {}", missing.join(", "));
    Failure::new(Blame::Config, "install.offline", message).with_hint(
        "put them into the directory that [harnesses] mirror names in sandboxed.toml, or set offline = false there",
    )
}

/// Files of the installations cannot be read or written.
pub(crate) fn io(path: &Path, error: &io::Error) -> Failure {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT) => no_room(path),
        _ => Failure::new(Blame::Host, "install.failed", format!("{}: {error}", path.display()))
            .with_hint("check the owner and the mode of the directory of the server's data"),
    }
}

/// The same for a place in an installation.
pub(crate) fn file(root: &Path, what: &str, error: FileError) -> Failure {
    match error {
        FileError::NoSpace(_) => no_room(root),
        FileError::Cancelled => cancelled(),
        FileError::Io { source, .. } => io(root, &source),
        FileError::Unsupported | FileError::NotPermitted(_) => io(root, &io::Error::other(error.to_string())),
        error => archive(what, error),
    }
}

/// Nobody waits for it any more. Whoever sees this has asked for it.
pub fn cancelled() -> Failure {
    Failure::new(Blame::Unavailable, "install.cancelled", "the installation was cancelled")
        .with_hint("install again: what was fetched is kept")
}

fn no_room(path: &Path) -> Failure {
    Failure::new(Blame::Unavailable, "install.no_room", format!("the file system of {} is full", path.display()))
        .with_hint("make room, or remove a version with `sandboxed-sh harness remove NAME VERSION`, and install again")
}
