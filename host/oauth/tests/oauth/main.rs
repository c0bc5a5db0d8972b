//! Signing in and refreshing, against a real authorization server on loopback.
#![allow(clippy::unwrap_used)]

mod broker;
mod device;
mod folder;
mod hostile;
mod provider;
mod sign_in;
mod trouble;
