//! Accounts whose credential is an OAuth grant: signing in to a provider, and one broker that keeps the tokens fresh.
//!
//! - [`Client`] describes how a provider is asked, as data: its addresses, its client id, how its answers are read.
//! - [`Client::begin`] makes the address that a person opens ([`Pending`]), [`Client::finish`] turns what comes back
//!   ([`Reply`]) into a [`Grant`]. Where no browser reaches us, [`Client::begin_device`] shows a code instead.
//! - [`Broker`] gives out access tokens. It refreshes each before it expires, once however many ask, and has what it got
//!   stored ([`Keep`]) before anybody uses it.
//!
//! This crate may not know of missions, storage or the server's routes. It is handed an HTTP client ([`Http`]) and talks to
//! the addresses of a `Client` and no others.
//!
//! # What is always so
//!
//! Every sign-in has a PKCE challenge (RFC 7636, `S256`) and a state of 256 bits, compared in constant time. Endpoints are
//! `https`, or `http` on a loopback address where the description says so. Redirects are not followed, answers are bounded
//! in size and time, and of a provider's refusal no more is told than its error code. Tokens, codes and verifiers appear in
//! no error and no debug output.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod answer;
mod broker;
mod client;
mod device;
mod endpoint;
mod error;
mod grant;
mod http;
mod keep;
mod pkce;
mod pointer;
mod reply;
mod sign_in;

pub use broker::{Broker, Status, Timing, Token};
pub use client::Client;
pub use device::{DeviceSignIn, Polled};
pub use error::{Error, Result};
pub use grant::{Grant, Owner};
pub use http::Http;
pub use keep::{Keep, KeepError};
pub use reply::Reply;
pub use sign_in::Pending;
