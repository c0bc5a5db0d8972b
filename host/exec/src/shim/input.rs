//! The payload's standard input: each action is done exactly once, and a payload that does not read holds up nobody.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, BorrowedFd},
};

use crate::control::protocol::Reply;

/// Once this much waits to be read, no more is taken. A single write may go over it, so that a long one can be done.
const QUEUE_LIMIT: usize = 1 << 20;

/// What a terminal takes for the end of the input when it is typed at the start of a line (control-D).
const END_OF_INPUT: u8 = 4;

/// What waits to be read by the payload.
pub(super) struct Input {
    sink: Option<File>,
    terminal: bool,
    queue: VecDeque<u8>,
    /// The input ends after what is queued.
    closing: bool,
    last_action: Option<u64>,
    last_byte: Option<u8>,
}

impl Input {
    pub(super) fn new(sink: Option<File>, terminal: bool) -> Self {
        Self { sink, terminal, queue: VecDeque::new(), closing: false, last_action: None, last_byte: None }
    }

    /// Queues bytes, unless this action was done before.
    pub(super) fn write(&mut self, action: u64, bytes: &[u8]) -> Reply {
        if self.was_done(action) {
            return Reply::Done;
        }
        if self.sink.is_none() || self.closing {
            return Reply::StdinClosed;
        }
        if self.queue.len() >= QUEUE_LIMIT {
            return Reply::StdinFull { waiting: self.queue.len() as u64 };
        }
        self.queue.extend(bytes);
        self.last_byte = bytes.last().copied().or(self.last_byte);
        self.last_action = Some(action);
        self.flush();
        Reply::Done
    }

    /// Ends the input after what is queued, unless this action was done before.
    pub(super) fn close(&mut self, action: u64) -> Reply {
        if self.was_done(action) {
            return Reply::Done;
        }
        if self.sink.is_none() {
            return Reply::StdinClosed;
        }
        if self.terminal && !self.closing {
            // Typed within a line it only hands over the line, so it takes two.
            let within_line = self.last_byte.is_some_and(|byte| byte != b'\n');
            self.queue.extend(std::iter::repeat_n(END_OF_INPUT, if within_line { 2 } else { 1 }));
        }
        self.closing = true;
        self.last_action = Some(action);
        self.flush();
        Reply::Done
    }

    /// Hands over what the payload takes now.
    pub(super) fn flush(&mut self) {
        while let Some(sink) = &mut self.sink
            && !self.queue.is_empty()
        {
            match sink.write(self.queue.as_slices().0) {
                Ok(written) => drop(self.queue.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // The payload has closed its input; what it did not read is of no use to anyone.
                    self.sink = None;
                    self.queue = VecDeque::new();
                }
            }
        }
        if self.queue.capacity() > QUEUE_LIMIT {
            self.queue.shrink_to(0);
        }
        if self.closing && !self.terminal {
            self.sink = None;
        }
    }

    /// What to wait for to become writable.
    pub(super) fn sink(&self) -> Option<BorrowedFd<'_>> {
        self.sink.as_ref().filter(|_| !self.queue.is_empty()).map(AsFd::as_fd)
    }

    /// Bytes that wait to be read.
    pub(super) fn waiting(&self) -> u64 {
        self.queue.len() as u64
    }

    pub(super) fn last_action(&self) -> Option<u64> {
        self.last_action
    }

    fn was_done(&self, action: u64) -> bool {
        self.last_action.is_some_and(|last| action <= last)
    }
}
