//! The proxy, through real sockets and a real curl.
#![allow(clippy::unwrap_used)]

mod addresses;
mod curl;
mod http;
mod limits;
mod setup;
mod socks;
mod tunnel;
mod verdicts;
