//! The HTTP API of sandboxed.sh: routes, access, event streams and the OpenAPI document that describes them.
//!
//! This crate turns requests into calls of [`sandboxed_core::Orchestrator`] and results into answers. It may not
//! know of SQL, wasmtime or processes, and decides nothing that would also hold without HTTP.
//!
//! The OpenAPI document is generated from the handlers and is at the same time what requests are held against: which
//! scope an operation needs, which query parameters it knows and whether it takes an `Idempotency-Key` is read from
//! the document (`contract`), so that the document cannot promise something else than the server does.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod attach;
mod audit;
mod body;
mod connection;
mod contract;
mod dashboard;
mod extract;
mod gate;
mod headers;
mod hosts;
mod idempotency;
mod observe;
mod openapi;
mod ports;
mod problem;
mod router;
mod routes;
mod server;
mod sse;
mod state;
mod text;

pub use dashboard::DashboardFile;
pub use openapi::openapi;
pub use server::{Error, ServeOptions, serve};
