//! From the events of an answer to its bytes, with what goes wrong on the way.

use std::{collections::VecDeque, io::Write};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use crate::{
    fault::{Fault, Halt},
    script::{Event, Script},
    usage::Usage,
};

/// How events become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events with a name.
    Named,
    /// Server-sent events without.
    Plain,
    /// Server-sent events with the line ends of Google.
    Google,
    /// A JSON array of them.
    Array,
    /// A body, or a message of a WebSocket.
    Bare,
}

/// What comes next.
pub(crate) enum Next {
    Bytes {
        bytes: Bytes,
        tells: Option<Usage>,
        /// The event is whole.
        whole: bool,
        /// There is nothing after it.
        last: bool,
    },
    Halt(Halt),
    End,
}

/// The bytes of an answer in their order.
pub(crate) struct Flow {
    script: Script,
    framing: Framing,
    fault: Option<Fault>,
    /// Events of the script that were looked at already.
    ahead: VecDeque<Event>,
    /// The number of the next event of the script.
    number: i64,
    /// The fault at an event has happened.
    faulted: bool,
    opened: bool,
    closed: bool,
    events: u64,
    bytes: u64,
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl Flow {
    pub(crate) fn new(script: Script, framing: Framing, fault: Option<Fault>, gzip: bool) -> Self {
        Self {
            script,
            framing,
            fault,
            ahead: VecDeque::new(),
            number: 0,
            faulted: false,
            opened: false,
            closed: false,
            events: 0,
            bytes: 0,
            gzip: gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
        }
    }

    /// The bytes of the whole answer, if that is one body without faults.
    pub(crate) fn length(&mut self) -> Option<usize> {
        if self.framing != Framing::Bare || self.fault.is_some() || self.gzip.is_some() {
            return None;
        }
        Some(self.peek()?.data.len())
    }

    pub(crate) fn next(&mut self) -> Next {
        let (most_events, most_bytes, halt) = self
            .fault
            .as_ref()
            .and_then(Fault::end)
            .map_or((u64::MAX, u64::MAX, None), |(events, bytes, halt)| (events, bytes, Some(halt)));
        if let Some(halt) = halt
            && (self.events >= most_events || self.bytes >= most_bytes)
        {
            return Next::Halt(halt);
        }
        let Some((bytes, tells)) = self.frame() else { return Next::End };
        let last = self.is_last();
        let mut bytes = self.compress(bytes, last);
        let room = usize::try_from(most_bytes - self.bytes).unwrap_or(usize::MAX);
        let whole = bytes.len() <= room;
        bytes.truncate(room);
        self.bytes += bytes.len() as u64;
        self.events += u64::from(whole);
        // A stop that is still to come comes after the last event as well.
        let last = last && whole && halt.is_none();
        Next::Bytes { bytes: bytes.into(), tells: if whole { tells } else { None }, whole, last }
    }

    fn peek(&mut self) -> Option<&Event> {
        if self.ahead.is_empty() {
            self.ahead.extend(self.script.next());
        }
        self.ahead.front()
    }

    fn is_last(&mut self) -> bool {
        self.peek().is_none() && (self.framing != Framing::Array || self.closed)
    }

    /// The next event of the script as bytes.
    fn frame(&mut self) -> Option<(Vec<u8>, Option<Usage>)> {
        let hit = self.is_hit();
        if hit {
            self.faulted = true;
            match self.fault {
                Some(Fault::MissingEvent { .. }) => {
                    self.ahead.pop_front();
                    self.number += 1;
                    return self.frame();
                }
                Some(Fault::ErrorEvent { status, .. }) => {
                    self.ahead.clear();
                    let error = self.script.error(status);
                    return Some((self.framed(&error), None));
                }
                Some(Fault::HugeLine { bytes, .. }) => {
                    let padding = self.script.padding(bytes);
                    return Some((self.framed(&padding), None));
                }
                _ => {}
            }
        }
        self.peek();
        let Some(mut event) = self.ahead.pop_front() else {
            if self.framing == Framing::Array && !self.closed {
                self.closed = true;
                return Some((if self.opened { b"]".to_vec() } else { b"[]".to_vec() }, None));
            }
            return None;
        };
        self.number += 1;
        if hit && matches!(self.fault, Some(Fault::BadJson { .. })) {
            let half = (0..=event.data.len() / 2).rev().find(|at| event.data.is_char_boundary(*at)).unwrap_or(0);
            event.data.truncate(half);
            event.tells = None;
        }
        let mut bytes = self.framed(&event);
        if hit && matches!(self.fault, Some(Fault::HalfUtf8 { .. })) {
            // The first two bytes of `€` go into the last text of the event.
            let at = bytes.windows(2).rposition(|pair| pair == b":\"").map_or(bytes.len() / 2, |at| at + 2);
            bytes.splice(at..at, [0xE2, 0x82]);
        }
        Some((bytes, event.tells))
    }

    /// Whether the fault is about the event that comes now.
    fn is_hit(&mut self) -> bool {
        if self.faulted {
            return false;
        }
        match self.fault.as_ref().and_then(Fault::event) {
            Some(-1) => {
                while self.ahead.len() < 2 {
                    match self.script.next() {
                        Some(event) => self.ahead.push_back(event),
                        None => break,
                    }
                }
                self.ahead.len() == 1
            }
            Some(event) => event == self.number,
            None => false,
        }
    }

    fn framed(&mut self, event: &Event) -> Vec<u8> {
        let data = &event.data;
        let first = !std::mem::replace(&mut self.opened, true);
        match (self.framing, event.name) {
            (Framing::Named, Some(name)) => format!("event: {name}\ndata: {data}\n\n"),
            (Framing::Named, None) | (Framing::Plain, _) => format!("data: {data}\n\n"),
            (Framing::Google, _) => format!("data: {data}\r\n\r\n"),
            (Framing::Array, _) => format!("{}{data}", if first { "[" } else { ",\r\n" }),
            (Framing::Bare, _) => data.clone(),
        }
        .into_bytes()
    }

    fn compress(&mut self, bytes: Vec<u8>, last: bool) -> Vec<u8> {
        let Some(encoder) = &mut self.gzip else { return bytes };
        // Writing to memory cannot fail.
        let _ = encoder.write_all(&bytes).and_then(|()| encoder.flush());
        if last && let Some(encoder) = self.gzip.take() {
            return encoder.finish().unwrap_or_default();
        }
        self.gzip.as_mut().map(|encoder| std::mem::take(encoder.get_mut())).unwrap_or_default()
    }
}
