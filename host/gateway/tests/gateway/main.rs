//! The gateway between clients and scripted providers, over real connections.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot go on panics, and is no library")]

mod accounts;
mod client;
mod desk;
mod failover;
mod faults;
mod formats;
mod hygiene;
mod ledger;
mod limits;
mod official;
mod tls;
mod vanishing;
mod websocket;
