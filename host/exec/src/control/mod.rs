//! The control socket: how a server talks to the shim of a run, and any number of them at once.

pub(crate) mod client;
pub(crate) mod protocol;
