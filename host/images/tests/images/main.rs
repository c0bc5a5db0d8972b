//! Images of all kinds are unpacked, and hostile ones do no harm.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod formats;
mod hostile;
mod lab;
mod layers;
