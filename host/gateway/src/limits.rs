//! What is bounded, and by how much.

use std::time::Duration;

/// Bytes of a request's head that are waited for; what comes in one piece may be twice as much.
pub(crate) const HEAD: usize = 64 * 1024;

/// Bytes of one message of a WebSocket at most.
pub(crate) const MESSAGE: usize = 16 * 1024 * 1024;

/// Bounds of the gateway.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request's body, as it comes and once more without its compression.
    pub body: usize,
    /// Bytes of the bodies of all requests that are held at the same time. Beyond it requests are turned away for a moment.
    pub bodies: usize,
    /// Time in which a request's head has to come, and the pause that a client may make within a body.
    pub header_time: Duration,
    /// Time in which a connection to a provider has to be there.
    pub connect_time: Duration,
    /// Time to the head of a provider's answer. Models think long before a whole answer.
    pub answer_time: Duration,
    /// The pause that a provider may make within an answer, and a client in reading it.
    pub idle_time: Duration,
    /// Connections at the same time.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024 * 1024,
            bodies: 512 * 1024 * 1024,
            header_time: Duration::from_secs(30),
            connect_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(600),
            idle_time: Duration::from_secs(600),
            connections: 1024,
        }
    }
}
