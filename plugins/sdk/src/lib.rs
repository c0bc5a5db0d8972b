//! Everything that a plugin for sandboxed.sh needs.
//!
//! A plugin is a WebAssembly component. It decides, and the host acts: it gets data and returns data, and what else it
//! may do is what the operator granted to it. Implement one of [`Backend`], [`Driver`] or [`Tools`] and export it:
//!
//! ```ignore
//! use sandboxed_sdk::{manifest, export_tools, tools::*};
//!
//! manifest!("plugin.toml");
//! export_tools!(MyTools);
//!
//! struct MyTools;
//! impl Tools for MyTools { /* … */ }
//! ```
//!
//! The contracts, with the meaning of each item, are in `wit/`. What a plugin decides can be tested natively with
//! `cargo test`; [`testkit`] replays recorded transcripts through a driver.

pub mod backend;
pub mod harness;
mod manifest;
pub mod testkit;
mod text;
pub mod tools;

pub use backend::Backend;
pub use harness::{Driver, Session};
pub use text::TextDecoder;
pub use tools::Tools;

#[doc(hidden)]
pub use wit_bindgen;

/// Who has to act, what went wrong and how to mend it, in the terms of one of the contracts. Each contract has its own
/// `Failure` type with the same fields; this makes any of them.
#[macro_export]
macro_rules! failure {
    ($blame:ident, $code:expr, $message:expr) => {
        $crate::failure!($blame, $code, $message, None)
    };
    ($blame:ident, $code:expr, $message:expr, $hint:expr) => {
        Failure {
            blame: Blame::$blame,
            code: ::std::string::String::from($code),
            message: ::std::string::String::from($message),
            hint: $hint,
            retry_after_ms: None,
        }
    };
}
