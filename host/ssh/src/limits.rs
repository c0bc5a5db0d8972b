//! How much those who reach the agent may ask of it.

use std::time::Duration;

/// How much those who reach the agent may ask of it. The default fits one command in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest message in bytes. Default: 256 KiB, as OpenSSH's own agent has it.
    pub message_bytes: usize,
    /// How many connections may be open at once. Others are cut off. Default: 32.
    pub connections: usize,
    /// How many signatures are made in all. Default: 1000.
    pub signatures: u32,
    /// How many refusals are told in all; those that follow are not. Default: 1000.
    pub told_refusals: u32,
    /// A connection over which no whole message came for this long, or that does not take its answer within it, is
    /// closed. Default: 60 s.
    pub idle_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 256 << 10,
            connections: 32,
            signatures: 1000,
            told_refusals: 1000,
            idle_time: Duration::from_secs(60),
        }
    }
}
