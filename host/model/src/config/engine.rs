//! `[engines.NAME]`

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::Span;

/// A container engine on another machine. Both sides show certificates: whoever may use an engine is root on its machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// `tcp://HOST:PORT`. There is no form without TLS.
    pub address: String,
    /// A file with the certificates (PEM) that the engine's must descend from.
    pub ca: PathBuf,
    /// A file with this server's certificate (PEM).
    pub cert: PathBuf,
    /// A file with the key (PEM) of that certificate. No other user may read it.
    pub key: PathBuf,
    /// How long the engine may be out of reach before its runs are given up.
    #[serde(default = "patience")]
    pub patience: Span,
}

fn patience() -> Span {
    Span(Duration::from_secs(600))
}

impl EngineConfig {
    /// Whether a text can be an engine's name: 1 to 32 of `a-z`, `0-9` and `-`, the first a letter.
    pub fn is_name(text: &str) -> bool {
        (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }
}
