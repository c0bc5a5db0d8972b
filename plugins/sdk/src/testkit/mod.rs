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

use crate::harness::{ApprovalMode, Endpoint, ModelApi, Start, WorkMode};

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

/// The facts of a first turn in which this is asked, as the host gives them, for a test.
pub fn start(prompt: impl Into<String>) -> Start {
    Start {
        mission: "mission".to_owned(),
        turn: 1,
        tree: "/workspace".to_owned(),
        inbox: "/inbox".to_owned(),
        home: "/home/mission".to_owned(),
        programs: Some("/programs".to_owned()),
        prompt: prompt.into(),
        attachments: Vec::new(),
        instructions: None,
        mcp_servers: Vec::new(),
        model: None,
        effort: None,
        approvals: ApprovalMode::Bypass,
        mode: WorkMode::Act,
        endpoints: endpoints(),
        resume: None,
        settings: "{}".to_owned(),
    }
}
