//! The API as its clients see it, served over a real socket.
#![allow(clippy::unwrap_used)]

mod access;
mod dashboard;
mod documents;
mod idempotency;
mod requests;
mod streams;
#[path = "../support/mod.rs"]
mod support;
