//! Runs as a server sees them: real processes, real files, real control groups.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod containment;
mod control;
mod doorway;
mod guard;
mod input;
mod inside;
mod lab;
mod limits;
mod output;
mod secrets;
mod short;
mod start;
mod survival;
mod terminal;
