//! Cutting a stream of bytes into frames.

use sandboxed_model::{
    command::OutputStream,
    harness::{Frame, Framing},
};

/// A line longer than this comes in pieces. Agents print whole files on one line; what a driver must hold at once
/// stays bounded all the same.
pub(crate) const MAX_LINE: usize = 1 << 20;

/// Cuts one stream. Bytes of an unfinished line stay here until the line ends, and are not counted as delivered, so
/// that a server which dies before the end of the line reads it again from its start.
pub(crate) struct Framer {
    stream: OutputStream,
    framing: Framing,
    /// Position of the first byte of `pending` in the stream.
    offset: u64,
    pending: Vec<u8>,
}

impl Framer {
    /// Begins at `offset`, where the framer before it stopped delivering.
    pub(crate) fn new(stream: OutputStream, framing: Framing, offset: u64) -> Self {
        Self { stream, framing, offset, pending: Vec::new() }
    }

    /// Position of the first byte that was not delivered in a frame.
    pub(crate) fn delivered(&self) -> u64 {
        self.offset
    }

    /// Takes the bytes that follow in the stream and returns the frames that they complete.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) -> Vec<Frame> {
        match self.framing {
            Framing::Raw if bytes.is_empty() => Vec::new(),
            Framing::Raw => vec![self.frame(bytes, false)],
            Framing::Lines => {
                if self.pending.is_empty() {
                    self.pending = bytes;
                } else {
                    self.pending.extend_from_slice(&bytes);
                }
                self.complete_lines()
            }
        }
    }

    /// The stream has ended, or goes on after a hole: what was pending is a frame of its own.
    pub(crate) fn flush(&mut self) -> Option<Frame> {
        let rest = std::mem::take(&mut self.pending);
        (!rest.is_empty()).then(|| self.frame(rest, false))
    }

    /// Goes on after a hole.
    pub(crate) fn skip_to(&mut self, offset: u64) {
        self.offset = offset;
    }

    fn complete_lines(&mut self) -> Vec<Frame> {
        let pending = std::mem::take(&mut self.pending);
        let mut frames = Vec::new();
        let mut rest = pending.as_slice();
        loop {
            let window = &rest[..rest.len().min(MAX_LINE)];
            let (end, partial) = match window.iter().position(|&byte| byte == b'\n') {
                Some(newline) => (newline + 1, false),
                None if rest.len() >= MAX_LINE => (MAX_LINE, true),
                None => break,
            };
            let (line, after) = rest.split_at(end);
            frames.push(self.frame(line.to_vec(), partial));
            rest = after;
        }
        self.pending = rest.to_vec();
        frames
    }

    fn frame(&mut self, bytes: Vec<u8>, partial: bool) -> Frame {
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        Frame { stream: self.stream, offset, bytes, partial }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Framer {
        Framer::new(OutputStream::Stdout, Framing::Lines, 0)
    }

    fn texts(frames: &[Frame]) -> Vec<String> {
        frames.iter().map(|frame| String::from_utf8_lossy(&frame.bytes).into_owned()).collect()
    }

    #[test]
    fn lines_come_whole_however_the_bytes_arrive() {
        let input = b"one\ntwo\n\nthree";
        for cut in 0..=input.len() {
            let mut framer = lines();
            let mut frames = framer.push(input[..cut].to_vec());
            frames.extend(framer.push(input[cut..].to_vec()));
            frames.extend(framer.flush());
            assert_eq!(texts(&frames), ["one\n", "two\n", "\n", "three"], "cut at {cut}");
            assert_eq!(frames.iter().map(|frame| frame.offset).collect::<Vec<_>>(), [0, 4, 8, 9], "cut at {cut}");
        }
    }

    #[test]
    fn an_unfinished_line_does_not_count_as_delivered() {
        let mut framer = lines();
        framer.push(b"one\ntw".to_vec());
        assert_eq!(framer.delivered(), 4);
    }

    #[test]
    fn a_line_that_is_too_long_comes_in_pieces() {
        let mut framer = lines();
        let mut line = vec![b'x'; MAX_LINE + 5];
        line.push(b'\n');
        let frames = framer.push(line);
        assert_eq!(
            frames.iter().map(|frame| (frame.bytes.len(), frame.partial)).collect::<Vec<_>>(),
            [(MAX_LINE, true), (6, false)]
        );
    }

    #[test]
    fn raw_bytes_pass_at_once() {
        let mut framer = Framer::new(OutputStream::Stderr, Framing::Raw, 10);
        let frames = framer.push(b"ab".to_vec());
        assert_eq!((frames[0].offset, frames[0].stream), (10, OutputStream::Stderr));
        assert_eq!(framer.delivered(), 12);
        assert!(framer.push(Vec::new()).is_empty());
    }

    #[test]
    fn frames_after_a_hole_carry_the_offset_behind_it() {
        let mut framer = lines();
        framer.push(b"cut off".to_vec());
        let before = framer.flush().map(|frame| frame.bytes);
        framer.skip_to(1000);
        let after = framer.push(b"on\n".to_vec());
        assert_eq!(before.as_deref(), Some(b"cut off".as_slice()));
        assert_eq!(after[0].offset, 1000);
    }
}
