//! An ssh-agent for one host: it signs logins of one user at that host and nothing else, so that a workspace uses a key
//! which it never holds.
//!
//! - [`Key`] is a private key as the vault has it.
//! - [`HostKeys`] are the keys by which the host is known, out of the operator's `known_hosts`.
//! - [`Agent`] serves `SSH_AUTH_SOCK`. Every signature, and every refusal, is told as a [`Use`].
//!
//! This crate may not know of workspaces, missions, storage or the API. It opens no connection and writes no file: it is
//! given keys, lines and a listener.
//!
//! # When it signs
//!
//! 1. The connection was bound to a session (`session-bind@openssh.com`): the host's signature over the session's id is
//!    valid, its key is one of the [`HostKeys`], and the session is no forwarding of the agent. Each connection has one try.
//! 2. What is to be signed is a request to log in (RFC 4252, section 7, or `publickey-hostbound-v00@openssh.com`) in that
//!    session, as the expected user, with the key and the algorithm that are asked for.
//! 3. The algorithm is Ed25519, ECDSA on P-256 or P-384, or RSA with SHA-2.
//!
//! So a signature is of use at the one host only. Of other requests only that for the list of keys is answered.
//!
//! # What it cannot do
//!
//! Whoever reaches the socket may log in at the host for as long as the agent is served, also from elsewhere: the host's
//! proof says where a session ends, not where it begins. What the login may do there is the host's to limit.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agent;
mod binding;
mod connection;
mod error;
mod host_keys;
mod host_pattern;
mod key;
mod limits;
mod login;
mod message;
mod usage;

pub use agent::{Agent, Target};
pub use error::{Error, Result};
pub use host_keys::HostKeys;
pub use key::Key;
pub use limits::Limits;
pub use usage::{Refusal, Use, UseSink};
