#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod asked;
mod choose;
mod control;
mod digest;
mod error;
mod fault;
mod flow;
mod intake;
mod json;
mod key;
mod ledger;
mod memory;
mod refuse;
mod reply;
mod route;
mod scenario;
mod script;
mod server;
mod service;
mod shell;
mod socket;
mod usage;
mod wire;
mod wiretap;

pub use crate::{
    error::Error,
    fault::{Fault, How},
    key::{Key, fingerprint},
    ledger::{End, Received, Record, Sent, Total},
    route::{Format, Operation},
    scenario::{
        ErrorRule, KeyRule, Nth, Pace, Piece, RateLimits, Redirect, ReplyRule, Scenario, Stop, UsageRule, When,
    },
    server::{Certificate, Options, Server},
    usage::{Lie, Usage},
};
