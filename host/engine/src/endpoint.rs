//! Where an engine listens.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A Unix socket on this machine.
    Socket(PathBuf),
    /// Another machine, by TLS with certificates on both sides. There is no form without: whoever reaches an open port
    /// of an engine is root on its machine.
    Tcp {
        /// `tcp://host:port` or `https://host:port`; without a port, 2376 (the engine's own default for TLS).
        url: String,
        /// The certificates (PEM) that the engine's must descend from. Those of the system do not count.
        ca: PathBuf,
        /// This server's certificate chain (PEM).
        cert: PathBuf,
        /// The private key (PEM) of that certificate. No other user may read it.
        key: PathBuf,
    },
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Tcp { url, .. } => f.write_str(url),
        }
    }
}
