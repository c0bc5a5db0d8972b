//! What is tried on Docker, tried on Podman.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(dead_code, reason = "some tests are of Docker alone, and these share what those need")]

#[path = "../docker/idle.rs"]
mod idle;
#[path = "../docker/images.rs"]
mod images;
#[path = "../docker/lab.rs"]
mod lab;
#[path = "../docker/limits.rs"]
mod limits;
#[path = "../docker/missions.rs"]
mod missions;
#[path = "../docker/mounts.rs"]
mod mounts;
#[path = "../docker/network.rs"]
mod network;
#[path = "../docker/ownership.rs"]
mod ownership;
#[path = "../docker/ports.rs"]
mod ports;
#[path = "../docker/processes.rs"]
mod processes;

/// The engine that all of this is tried on.
fn socket() -> std::path::PathBuf {
    sandboxed_tests::engine::podman()
}
