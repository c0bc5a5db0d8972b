//! What can go wrong before anything is served.

/// A gateway that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Certificates or protocol versions cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
    /// A provider gave no answer.
    #[error("the provider cannot be reached, or its answer is cut off or too long")]
    Unreachable,
}
