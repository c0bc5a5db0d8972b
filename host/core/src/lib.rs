//! The use cases of sandboxed.sh: missions, workspaces, plugins as people see them, access, and recovery after a
//! crash.
//!
//! This crate decides what happens and in which order. It asks the store to keep, the plugins to decide and the
//! supervisor to run, all through plain Rust types: it may not know of HTTP, wasmtime or SQL. Everything that a
//! person can do to the server is a method of [`Orchestrator`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod admission;
mod adopt;
mod approvals;
mod attachments;
mod blueprint;
mod builds;
mod changes;
mod contained;
mod contained_idle;
mod container_mounts;
mod container_network;
mod containers;
mod context;
mod disk;
mod distant;
mod doctor;
mod egress;
mod engines;
mod error;
mod etc;
mod files;
mod git;
mod harnesses;
mod images;
mod isolation;
mod leaders;
mod live;
mod missions;
mod models;
mod mounts;
mod moving;
mod orchestrator;
mod paths;
mod port_access;
mod port_connection;
mod port_watch;
mod ports;
mod processes;
mod reconcile;
mod replay;
mod roots;
mod runner;
mod sandbox;
mod services;
mod skills;
mod snapshots;
mod storage;
mod stream;
mod system;
mod tailscale;
mod templates;
mod throttle;
mod uses;
mod vault;
mod workspace_ports;
mod workspaces;

pub use access::{LoginAttempt, NewToken, SessionGrant};
pub use builds::BuildLog;
pub use error::Error;
pub use files::{ArchiveContent, FileContent};
pub use models::{
    AccountKey, NewProviderAccount, NewSignIn, SignInBegun, SignInKind, SignInState, SignInStatus, Trial,
};
pub use moving::WorkspaceExport;
pub use orchestrator::{Orchestrator, Setup};
pub use port_access::{PortPassGrant, PortTicket};
pub use port_connection::PortConnection;
pub use processes::{ProcessChunk, ProcessOutput};
pub use stream::{FollowMissions, StreamedEvent};
pub use system::{AuditEntry, EventHit, StoredAnswer};
pub use vault::NewSecret;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;
