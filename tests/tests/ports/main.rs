//! Ports of workspaces, with real services in real sandboxes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod browser;
mod forward;
mod http;
mod life;
mod listing;
mod setup;
mod streams;
