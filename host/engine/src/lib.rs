//! Containers of a Docker or Podman engine: the one way in which the server talks to it.
//!
//! One workspace is one container, named after it. Everything made here carries the labels [`OWNER_LABEL`] and
//! [`WORKSPACE_LABEL`]; an object without the owner's label is never started, entered, stopped or removed, whatever its
//! name, and each change first looks at the object it is about to touch and then names it by its id.
//!
//! This crate may not know of missions, plugins, storage or of why a workspace exists. It knows the engine's API and how
//! little a container may do.
//!
//! # What a container here can never be
//!
//! Privileged, with capabilities, with a writable root, with the host's network, process or IPC namespace, restarted by
//! the engine, or logged by it. There is no field with which to ask for it.
//!
//! # Secrets
//!
//! A container's own variables are visible to everyone who may ask the engine, so secrets belong into those of an
//! [`ExecSpec`]. Values of variables are in no error, no `Debug` and no log of this crate. The library below logs what
//! it sends and receives through the `log` crate at levels `debug` and `trace` (the start of a program is not among it):
//! keep the target `bollard` at `info`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod build;
mod contained;
mod container;
mod dockerfile;
mod endpoint;
mod engine;
mod env;
mod error;
mod exec;
mod facts;
mod failure;
mod frames;
mod image;
mod image_process;
mod kill;
mod known;
mod machine;
mod owner;
mod refused;
mod remote;
mod spec;
mod stats;
mod transport;

pub use build::{BuildSpec, ImageWork};
pub use contained::{ContainedEnd, ContainedReport, ContainedSpec, contained_main};
pub use container::{Ensured, Observation, Owned, Phase};
pub use dockerfile::InvalidDockerfile;
pub use endpoint::Endpoint;
pub use engine::Engine;
pub use env::{Env, InvalidVariable};
pub use error::Error;
pub use exec::{ExecControl, ExecInput, ExecSession, ExecSpec, ExecUser};
pub use facts::{CgroupVersion, EngineFacts, LimitSupport, Product};
pub use frames::ExecOutput;
pub use image::{ImageReference, InvalidImageReference, PullProgress};
pub use image_process::{ImageSpec, image_main};
pub use known::KnownContainer;
pub use owner::{InvalidOwner, OWNER_LABEL, Owner, WORKSPACE_LABEL};
pub use remote::{GROUP, GiveError, KeeperCall, KeeperSays, PASSWD};
pub use sandboxed_keeper as keeper;
pub use sandboxed_model::command::{OutputStream, Tty};
pub use spec::{Bind, ContainerSpec, HOME, InvalidSpec, Network, SECCOMP, Storage, TREE, User};
pub use stats::Stats;

/// The variable that marks every process of a run; its value is the run's mark.
pub const RUN_VARIABLE: &str = "SANDBOXED_SH_RUN";
