//! Everything that a plugin for sandboxed.sh needs.
//!
//! A plugin is a WebAssembly component. It decides, and the host acts: it gets data and returns data, and what else it
//! may do is what the operator granted to it. Implement one of [`Backend`], [`Driver`] or [`Tools`] and export it:
//!
//! ```
//! use sandboxed_sdk::{Tools, export_tools, failure, tools::*};
//!
//! export_tools!(Words);
//!
//! struct Words;
//!
//! impl Tools for Words {
//!     fn list() -> Vec<Tool> {
//!         vec![Tool {
//!             name: "count_words".to_owned(),
//!             description: "Counts the words of a text.".to_owned(),
//!             input_schema: r#"{ "type": "object", "properties": { "text": { "type": "string" } } }"#.to_owned(),
//!             read_only: true,
//!             destructive: false,
//!         }]
//!     }
//!
//!     fn call(_caller: Caller, _name: String, arguments: String) -> Result<Reply, Failure> {
//!         let arguments: serde_json::Value = serde_json::from_str(&arguments)
//!             .map_err(|error| failure!(Plugin, "tools.arguments_invalid", "{error}"))?;
//!         let text = arguments["text"].as_str().unwrap_or_default();
//!         Ok(Reply::text(text.split_whitespace().count().to_string()))
//!     }
//! }
//! ```
//!
//! [`manifest!`] and [`config_schema!`] put what the plugin says of itself into the component. [`config`] reads its
//! settings; [`info!`] and its like write to the server's log. A panic ends the call, and its message, which Rust
//! prints to standard error, becomes part of the failure that the operator sees.
//!
//! The contracts, with the meaning of each item, are in `wit/`. What a plugin decides can be tested natively with
//! `cargo test`: `testkit` replays recorded transcripts through a driver.

pub mod backend;
mod config;
#[doc(hidden)]
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod contracts;
mod failure;
pub mod harness;
pub mod inside;
mod log;
mod manifest;
#[cfg(not(target_arch = "wasm32"))]
pub mod testkit;
mod text;
pub mod tools;

pub use backend::Backend;
pub use config::config;
pub use contracts::sandboxed::types::failures::{Blame, Failure};
pub use harness::{Driver, Session};
pub use text::TextDecoder;
pub use tools::Tools;

#[doc(hidden)]
pub use contracts::sandboxed::host::log::Level;
#[doc(hidden)]
pub use log::emit;
