//! Reads an answer while it passes: which tokens it used, which model gave it, whether it is whole. The bytes that pass are
//! never touched nor held up; what is read is a copy, and bounded.

mod codec;
mod facts;
mod farewell;
mod pieces;
mod tally;
mod visible;

use http::HeaderMap;
use sandboxed_model::wire::{Tokens, WireFormat};

use self::{
    codec::Codec,
    pieces::{Pieces, Shape},
};
use crate::Refusal;

pub(crate) use self::{facts::Facts, farewell::farewell_event};

/// What is known of an answer so far.
pub(crate) struct Reading {
    codec: Codec,
}

/// Bytes of output may be seen no more: the answer has to end here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsedUp {
    /// So many bytes of the chunk are still to be sent; the rest is not.
    pub(crate) keep: usize,
}

impl Reading {
    /// Reads the answer to a request of this format.
    pub(crate) fn new(format: WireFormat, headers: &HeaderMap, allowance: Option<u64>) -> Self {
        Self { codec: Codec::new(headers, Scan::new(format, allowance)) }
    }

    /// Looks at a chunk that passes.
    pub(crate) fn look(&mut self, chunk: &[u8]) -> Option<UsedUp> {
        self.codec.look(chunk)
    }

    /// The answer has ended in good form.
    pub(crate) fn end(&mut self) {
        self.codec.end();
    }

    /// Whether the answer says that it is whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.codec.scan().facts.is_whole()
    }

    /// The tokens that the answer tells of.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        self.codec.scan().facts.tokens()
    }

    /// Bytes of output that were seen.
    pub(crate) fn visible(&self) -> u64 {
        self.codec.scan().facts.visible()
    }

    /// The model that answered.
    pub(crate) fn model(&self) -> Option<&str> {
        self.codec.scan().facts.model()
    }

    /// What is sent instead of the rest of an answer that may not go on: an error in the words of the stream. None where
    /// nothing can be said in it any more.
    pub(crate) fn farewell(&self, refusal: &Refusal) -> Option<String> {
        let scan = self.codec.scan();
        if !self.codec.is_plain() {
            return None;
        }
        match scan.pieces.shape() {
            Shape::Events => {
                let words = farewell::event(&scan.facts, refusal);
                // The line feed of the line that was cut after its carriage return.
                Some(if scan.pieces.is_after_return() { format!("\n{words}") } else { words })
            }
            Shape::Array => Some(farewell::element(refusal)),
            Shape::Unknown | Shape::Whole => None,
        }
    }
}

/// Cuts an answer into its events and takes the facts from them.
pub(crate) struct Scan {
    pieces: Pieces,
    facts: Facts,
    allowance: Option<u64>,
}

impl Scan {
    fn new(format: WireFormat, allowance: Option<u64>) -> Self {
        Self { pieces: Pieces::new(format), facts: Facts::new(format), allowance }
    }

    /// Looks at bytes without compression.
    fn look(&mut self, bytes: &[u8]) -> Option<UsedUp> {
        let mut at = 0;
        while at < bytes.len() {
            let (taken, piece) = self.pieces.advance(&bytes[at..]);
            at += taken;
            if piece {
                self.take();
                if self.allowance.is_some_and(|allowance| self.facts.visible() >= allowance) && !self.facts.is_whole() {
                    return Some(UsedUp { keep: at });
                }
            }
        }
        None
    }

    fn end(&mut self) {
        if self.pieces.end() {
            self.take();
        }
        self.facts.end();
    }

    fn take(&mut self) {
        match self.pieces.piece() {
            Some(piece) => self.facts.event(piece),
            None => self.facts.oversized(self.pieces.size()),
        }
    }
}

#[cfg(test)]
mod tests;
