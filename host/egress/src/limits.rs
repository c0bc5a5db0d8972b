//! How much a client may ask of the proxy.

use std::time::Duration;

/// How much a client may ask of the proxy. The default fits one workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest head of a request, and of an answer to a plain HTTP request, in bytes. Default: 16 KiB.
    pub header_bytes: usize,
    /// The time within which the head of a request must have come. Default: 10 s.
    pub header_time: Duration,
    /// The time that a name lookup and, after it, the connecting to all addresses of the name may take. Default: 20 s each.
    pub connect_time: Duration,
    /// How many connections may be open at once. Default: 512.
    pub connections: usize,
    /// A connection over which no byte went in either direction for this long is closed. Default: 10 min.
    pub idle_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 16 * 1024,
            header_time: Duration::from_secs(10),
            connect_time: Duration::from_secs(20),
            connections: 512,
            idle_time: Duration::from_secs(600),
        }
    }
}
