//! What can go wrong with an answer on purpose.

use serde::{Deserialize, Serialize};

/// What goes wrong with an answer.
///
/// Events are counted from 0; -1 is the last. An answer that is no stream has one event, its whole body.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// There is never an answer.
    Silence,
    /// The connection is gone before the answer.
    Hangup {
        /// In which way.
        #[serde(default)]
        how: How,
    },
    /// The answer breaks off.
    Cut {
        /// After so many events.
        #[serde(default)]
        after_events: Option<u64>,
        /// After so many bytes of the body.
        #[serde(default)]
        after_bytes: Option<u64>,
        /// In which way.
        #[serde(default)]
        how: How,
    },
    /// The answer stops and the connection stays open.
    Stall {
        /// After so many events.
        #[serde(default)]
        after_events: Option<u64>,
        /// After so many bytes of the body.
        #[serde(default)]
        after_bytes: Option<u64>,
    },
    /// The JSON of an event ends half-way.
    BadJson {
        /// Which.
        event: i64,
    },
    /// An event is left out.
    MissingEvent {
        /// Which.
        event: i64,
    },
    /// A character in an event is cut in two.
    HalfUtf8 {
        /// Which.
        event: i64,
    },
    /// Before an event there is another that no client knows, in one line of so many bytes.
    HugeLine {
        /// Which.
        event: i64,
        /// Bytes of its line, about.
        bytes: u64,
    },
    /// Instead of an event there is an error, and the stream ends.
    ErrorEvent {
        /// Which.
        event: i64,
        /// The status that the error stands for.
        status: u16,
    },
    /// The first text goes on for ever.
    Endless {
        /// Breaks off after so many bytes of the body all the same.
        #[serde(default)]
        limit_bytes: Option<u64>,
    },
}

/// In which way a connection is given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It is closed, but the answer was not ended.
    #[default]
    Close,
    /// It is reset.
    Reset,
    /// The answer is ended in good form, as if it had been all. Before an answer, this is `close`.
    End,
}

impl Fault {
    /// The name for the ledger.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Hangup { .. } => "hangup",
            Self::Cut { .. } => "cut",
            Self::Stall { .. } => "stall",
            Self::BadJson { .. } => "bad_json",
            Self::MissingEvent { .. } => "missing_event",
            Self::HalfUtf8 { .. } => "half_utf8",
            Self::HugeLine { .. } => "huge_line",
            Self::ErrorEvent { .. } => "error_event",
            Self::Endless { .. } => "endless",
        }
    }

    /// The event that it is about.
    pub(crate) fn event(&self) -> Option<i64> {
        match self {
            Self::BadJson { event }
            | Self::MissingEvent { event }
            | Self::HalfUtf8 { event }
            | Self::HugeLine { event, .. }
            | Self::ErrorEvent { event, .. } => Some(*event),
            _ => None,
        }
    }

    /// After how many events and bytes the answer stops, and how.
    pub(crate) fn end(&self) -> Option<(u64, u64, Halt)> {
        let limit = |events: Option<u64>, bytes: Option<u64>| match (events, bytes) {
            (None, None) => (0, u64::MAX),
            (events, bytes) => (events.unwrap_or(u64::MAX), bytes.unwrap_or(u64::MAX)),
        };
        match self {
            Self::Cut { after_events, after_bytes, how } => {
                let (events, bytes) = limit(*after_events, *after_bytes);
                Some((events, bytes, Halt::Cut(*how)))
            }
            Self::Stall { after_events, after_bytes } => {
                let (events, bytes) = limit(*after_events, *after_bytes);
                Some((events, bytes, Halt::Stall))
            }
            Self::Endless { limit_bytes: Some(bytes) } => Some((u64::MAX, *bytes, Halt::Cut(How::Close))),
            _ => None,
        }
    }
}

/// How an answer stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    Cut(How),
    Stall,
}
