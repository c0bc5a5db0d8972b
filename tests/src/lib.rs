//! Black-box tests: the built binary, driven as a person or a script would drive it.
//!
//! This crate knows nothing of the host's crates. It starts `sandboxed-sh`, speaks HTTP to it, reads what it prints,
//! and kills it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

pub mod agents;
pub mod api;
pub mod cli;
pub mod config;
pub mod engine;
pub mod models;
pub mod plugin_cache;
pub mod programs;
pub mod root;
pub mod server;
pub mod wait;

pub use api::Api;
pub use cli::{Finished, cli};
pub use server::Server;
pub use wait::{until, within};
