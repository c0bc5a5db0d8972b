//! The gateway between agents and models. Agents ask with a token that dies with their mission; the gateway puts an account's
//! real credential in its place, keeps within what was reserved, goes to another account where one is at its limit, and reads
//! on the way what each answer used.
//!
//! This crate speaks HTTP on both sides and asks a [`Desk`] everything else. It may not know of storage, missions, workspaces
//! or the API.
//!
//! # What passes
//!
//! Bodies pass byte for byte and chunk for chunk. Of a request, only the model's name is changed, in place, where a route has
//! another one for it. Credentials, cookies and what is about one connection do not pass; all other headers do.
//!
//! # What it tells clients
//!
//! Errors of the gateway's own are in the words of the format that was asked in; [`Reason`] tells the statuses. The failure's
//! code is in the header `x-sandboxed-sh-code`.
//!
//! # WebSockets
//!
//! A WebSocket of Responses is opened to a provider before the client's is answered, so that a client falls back to HTTP
//! where the provider has none. The model is not known then: the desk is asked for routes with [`Operation::Connect`]. Each
//! `response.create` is a request of its own and goes to the connection that is there, if its account is among the routes for
//! the model, and else to a new one. Requests of one connection are served one after the other.
//!
//! # What it cannot do
//!
//! Output that a provider hides (encrypted reasoning) is not seen before it is told at the end, so an allowance cannot stop
//! it. Tools that a provider runs itself and charges for by the call are not accounted for. A stream of Chat Completions without
//! `stream_options.include_usage` tells no tokens: it is settled without any, but with the bytes that were seen.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod answer;
mod desk;
mod error;
mod gateway;
mod headers;
mod inbound;
mod intake;
mod limits;
mod listing;
mod passing;
mod refusal;
mod relay;
mod request;
mod socket;
mod target;
mod trouble;
mod upstream;

pub use crate::{
    desk::{
        Credential, Desk, ModelListing, Operation, Reservation, Route, Settled, Trouble, Unanswered, Wanted, Worst,
    },
    error::Error,
    gateway::Gateway,
    limits::Limits,
    refusal::{Reason, Refusal},
    upstream::trust,
};
