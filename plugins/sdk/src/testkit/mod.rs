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

use crate::harness::{Endpoint, ModelApi};

/// The endpoints of a launch as the host gives them, for a test.
pub fn endpoints() -> Vec<Endpoint> {
    let endpoint = |api, path: &str, key: &str| Endpoint {
        api,
        base_url: format!("http://127.0.0.1:4000{path}"),
        key_variable: key.to_owned(),
    };
    vec![
        endpoint(ModelApi::Anthropic, "/anthropic", "ANTHROPIC_API_KEY"),
        endpoint(ModelApi::Openai, "/openai/v1", "OPENAI_API_KEY"),
        endpoint(ModelApi::Google, "/google", "GEMINI_API_KEY"),
    ]
}
