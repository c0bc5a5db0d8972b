//! The root file systems of workspaces that are systems of their own: how they are made, shared, and what becomes of one that
//! cannot be made.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod cancelling;
mod distributions;
mod faults;
mod images;
mod lab;
mod making;
