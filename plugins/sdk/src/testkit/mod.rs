//! Testing plugins natively, without a host.
//!
//! What a session says must not depend on how its process's output happened to be cut, nor on when the host saved the
//! session and opened it again. [`golden`] tries many ways with recorded transcripts, [`replay`] with steps in code.

mod config;
mod cut;
mod golden;
mod json;
mod replay;
mod transcript;

pub(crate) use config::config_text;
pub use config::set_config;
pub use golden::golden;
pub use replay::{Step, replay};
