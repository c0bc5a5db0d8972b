//! The plugin host: WebAssembly components that decide, each holding only what was granted to it.
//!
//! A plugin is loaded from a file named in the configuration. Before any of its code runs, what its component imports
//! is compared with what the operator granted; an import that is not granted refuses the plugin, with the line that
//! would grant it. A call runs in an instance with a deadline, a ceiling on memory and on everything that it can make
//! the host do. A plugin that traps, loops or eats memory costs its caller a [`Failure`](sandboxed_model::Failure) and
//! nobody else anything.
//!
//! This crate may not know of missions, storage, processes or HTTP servers. wasmtime does not appear in its interface:
//! callers see the types of `sandboxed-model`, and lend what plugins may be granted through [`ports`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aot;
mod backend;
mod bindings;
mod call;
mod capability;
mod component;
mod convert;
mod convert_driver;
mod convert_install;
mod engine;
mod fetch;
mod grants;
mod harness;
mod health;
mod load;
mod manifest;
pub mod ports;
mod registry;
mod replace;
mod state;
mod stderr;
mod tools;
mod trial;
mod verify;
mod versions;
mod watch;

pub use backend::Backend;
pub use harness::{Harness, Session, Version};
pub use ports::Ports;
pub use registry::{Error, HostOptions, PluginHost};
pub use tools::Tools;
pub use verify::{Verification, verify_file};
