//! Installs programs as plans say: downloads that are held against their digests, archives that cannot lead out, a
//! check that it works, and then the final name. One directory for each version, which all may read and only the
//! server's user may write.
//!
//! - [`Plan::parse`] looks over what a plugin plans; nothing of it is trusted.
//! - [`Installations::install`] follows it; [`Installations::outline`] says what that would do.
//! - [`Origins`] is where the operator lets archives come from: a registry, a mirror, or nowhere.
//!
//! A plugin's plan and what comes over the network are hostile; the directory is the server's own, and nobody else
//! writes to it. A directory with its final name is whole and was checked, whenever the machine was switched off.
//!
//! This crate may not know of plugins, missions, workspaces or the server's routes, nor how programs are run: who
//! checks that an installation works is handed in ([`Check`]).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod background;
mod downloads;
mod failure;
mod fetch;
mod install;
mod installations;
mod integrity;
mod origins;
mod plan;
mod report;
mod staging;

pub use failure::cancelled;
pub use fetch::Patience;
pub use install::{Check, Checked};
pub use installations::{Installations, Installed};
pub use origins::Origins;
pub use plan::Plan;
