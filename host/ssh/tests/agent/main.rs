//! The agent, by way of the real `ssh`, `ssh-add`, `ssh-keygen`, `sshd` and `git`, and by messages that none of them sends.
#![allow(clippy::unwrap_used)]

mod git;
mod keys;
mod login;
mod protocol;
mod refused;
mod setup;
mod wire;
