//! What keeps the server from starting.

use std::{io, net::SocketAddr, path::PathBuf};

/// What keeps the server from starting, or a scenario from being taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The scenario is wrong.
    #[error("the scenario is wrong: {0}")]
    Scenario(String),
    /// The certificate or its key is wrong.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
}
