//! Workspaces in containers, seen from outside: what a person gets, and what is left when something goes wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod faults;
mod idle;
mod images;
mod lab;
mod limits;
mod missions;
mod mounts;
mod network;
mod ownership;
mod ports;
mod processes;
mod unprivileged;

/// The engine that all of this is tried on.
fn socket() -> std::path::PathBuf {
    sandboxed_tests::engine::socket()
}
