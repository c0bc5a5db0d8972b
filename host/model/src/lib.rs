//! The vocabulary of sandboxed.sh: ids, states, events, failures, configuration and the data that passes between
//! the crates of the host.
//!
//! This crate may not know of storage, processes, plugins or HTTP, and does no I/O. Its types carry the rules: what
//! cannot be built cannot be wrong. Names here are the names in SQL, JSON, WIT and TOML.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod account;
pub mod ask;
pub mod attachment;
pub mod backend;
pub mod budget;
pub mod build;
pub mod catalogue;
pub mod command;
pub mod config;
pub mod container;
pub mod context;
pub mod day;
pub mod doctor;
pub mod event;
mod failure;
pub mod files;
pub mod git;
pub mod grant;
pub mod harness;
pub mod id;
pub mod install;
pub mod mission;
pub mod moving;
pub mod page;
pub mod plugin;
pub mod port;
pub mod price;
pub mod process;
pub mod provider;
pub mod queue;
pub mod recipe;
pub mod replay;
pub mod request;
pub mod secret;
pub mod snapshot;
pub mod spending;
pub mod state;
pub mod template;
pub mod time;
pub mod tools;
pub mod wire;
pub mod workspace;

pub use failure::{Blame, Failure};
pub use id::{
    AskId, AttachmentId, BuildId, MessageId, MissionId, PluginId, RequestId, RuleId, RunId, SecretId, Seq, SnapshotId,
    TokenId, UserId, WorkspaceId,
};
pub use time::Timestamp;
