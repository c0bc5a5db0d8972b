//! Workspaces on an engine of another machine: a second engine in a network namespace of its own, reached over TCP with TLS.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod certificates;
mod connection;
mod files;
mod lab;
mod limits;
mod links;
mod machine;
mod missions;
mod ownership;
mod processes;
