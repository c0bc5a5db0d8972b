//! What goes over the control socket.
//!
//! A message is the length of its head (4 bytes, little endian), the length of its body (the same), the head as JSON
//! and the body as it is. Only writes have a body. Each request gets one reply, in order.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::ContainmentKind;

/// Longest head of a request.
pub(crate) const REQUEST_HEAD_LIMIT: usize = 4 << 10;
/// Longest head of a reply; a status with all its gaps is some kilobytes.
pub(crate) const REPLY_HEAD_LIMIT: usize = 64 << 10;
/// Longest body: what one write may hold.
pub(crate) const BODY_LIMIT: usize = 16 << 20;
/// Bytes of the two lengths.
pub(crate) const PREFIX: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// The body goes to standard input, unless an action of this or a higher number was done before.
    Write { action: u64 },
    /// Standard input ends after what was written, unless an action of this or a higher number was done before.
    CloseInput { action: u64 },
    /// Every process gets this signal.
    Signal { number: i32 },
    /// The terminal gets this size.
    Resize { rows: u16, cols: u16 },
    /// How the run stands.
    Status,
    /// Every process is killed; answered when none is left.
    Kill,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Reply {
    /// It is done, or was done before.
    Done,
    /// So many bytes wait to be read by the process already.
    StdinFull { waiting: u64 },
    /// The process has no standard input (any more).
    StdinClosed,
    /// The run has no terminal.
    NoTerminal,
    /// The request is not understood or cannot be done.
    Refused { reason: String },
    /// How the run stands.
    Status(Status),
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its first process lives.
    Running,
    /// Its first process has ended or everything is being killed; what is left is seen to its end.
    Ending,
}

/// How a run stands, as its shim tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// How far it has come.
    pub phase: Phase,
    /// Process id of its first process.
    pub pid: i32,
    /// What holds its processes together.
    pub containment: ContainmentKind,
    /// Standard output.
    pub stdout: StreamStatus,
    /// Standard error.
    pub stderr: StreamStatus,
    /// Bytes that were written and not yet read by the process.
    pub stdin_waiting: u64,
    /// The highest action that was done.
    pub last_action: Option<u64>,
}

/// How one stream stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStatus {
    /// Bytes that were printed.
    pub length: u64,
    /// How many of them were dropped to stay below the limit.
    pub dropped: u64,
    /// How many of them the disk did not take.
    pub lost: u64,
    /// Place and length of each part that is gone.
    pub gaps: Vec<(u64, u64)>,
    /// Why the disk does not take what is printed now.
    pub write_error: Option<String>,
}

/// A message as it is sent.
pub(crate) fn encode(head: &impl Serialize, body: &[u8]) -> serde_json::Result<Vec<u8>> {
    let head = serde_json::to_vec(head)?;
    let mut message = Vec::with_capacity(PREFIX + head.len() + body.len());
    for length in [head.len(), body.len()] {
        // Callers keep to the limits above, which are far below 4 GiB.
        message.extend((length as u32).to_le_bytes());
    }
    message.extend(head);
    message.extend(body);
    Ok(message)
}

/// The lengths of head and body that a message starts with, if they are within the limits.
pub(crate) fn lengths(prefix: [u8; PREFIX], head_limit: usize) -> Option<(usize, usize)> {
    let [h0, h1, h2, h3, b0, b1, b2, b3] = prefix;
    let head = u32::from_le_bytes([h0, h1, h2, h3]) as usize;
    let body = u32::from_le_bytes([b0, b1, b2, b3]) as usize;
    (head <= head_limit && body <= BODY_LIMIT).then_some((head, body))
}

/// The head of a message.
pub(crate) fn decode<T: DeserializeOwned>(head: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_out_as_it_went_in() {
        let message = encode(&Request::Write { action: u64::MAX }, &[0, 255, 10]).unwrap();

        let (head, body) = lengths(message[..PREFIX].try_into().unwrap(), REQUEST_HEAD_LIMIT).unwrap();

        assert_eq!(decode::<Request>(&message[PREFIX..PREFIX + head]).unwrap(), Request::Write { action: u64::MAX });
        assert_eq!(message[PREFIX + head..], [0, 255, 10]);
        assert_eq!(body, 3);
    }

    #[test]
    fn lengths_beyond_the_limits_are_refused() {
        assert_eq!(lengths([255; PREFIX], REQUEST_HEAD_LIMIT), None);
        assert_eq!(lengths([1, 0, 0, 0, 1, 0, 0, 1], REQUEST_HEAD_LIMIT), None);
        assert_eq!(lengths([1, 0, 0, 0, 0, 0, 0, 1], REQUEST_HEAD_LIMIT), Some((1, BODY_LIMIT)));
    }
}
