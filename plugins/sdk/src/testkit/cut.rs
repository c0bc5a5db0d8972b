//! The ways in which the same output may reach a session.

use std::fmt;

use crate::harness::{Frame, Framing, Stream};

/// Longest line that the host hands over in one frame.
const MAX_LINE: usize = 1 << 20;
/// Bytes that one step carries at most.
const MAX_BATCH: usize = 16 << 10;

/// How output is cut, and whether the session is opened anew between all inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) cut: Cut,
    pub(super) reopen: bool,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cut {
            Cut::Nowhere => f.write_str("nowhere")?,
            Cut::Everywhere => f.write_str("after each byte")?,
            Cut::At(place) => write!(f, "after byte {place}")?,
            Cut::Random(seed) => write!(f, "at the places of seed {seed}")?,
        }
        if self.reopen {
            f.write_str(", and the session opened anew between all inputs")?;
        }
        Ok(())
    }
}

/// Where output is cut. For a stream that is framed by lines, a cut parts two batches and never a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nowhere: as much as one step may carry.
    Nowhere,
    /// After each byte.
    Everywhere,
    /// Once, after this many bytes of everything that was printed.
    At(usize),
    /// At places drawn from this seed.
    Random(u64),
}

/// Output up to this length is cut once at every byte; longer output at random places.
const EVERY_BYTE: usize = 600;
/// Random ways to cut longer output.
const SEEDS: u64 = 48;

/// All ways to try for a transcript with so many bytes of output. The first is the plain one.
pub(super) fn ways(length: usize) -> Vec<Way> {
    let mut cuts = vec![Cut::Nowhere, Cut::Everywhere];
    if length <= EVERY_BYTE {
        cuts.extend((1..length).map(Cut::At));
    } else {
        cuts.extend((1..=SEEDS).map(Cut::Random));
    }
    cuts.into_iter().flat_map(|cut| [false, true].map(|reopen| Way { cut, reopen })).collect()
}

/// Cuts the output of one stream as a host would.
pub(super) struct Cutter {
    stream: Stream,
    framing: Framing,
    /// Bytes that were handed over.
    offset: u64,
    /// The start of a line.
    line: Vec<u8>,
}

impl Cutter {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, framing: Framing::Raw, offset: 0, line: Vec::new() }
    }

    /// How this stream is framed from now on. What is left of a line is dropped: its process has ended.
    pub(super) fn begin(&mut self, framing: Framing) {
        self.framing = framing;
        self.line.clear();
    }

    /// A hole in the output.
    pub(super) fn skip(&mut self, length: u64) {
        self.offset += length;
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What the session gets of these bytes, in batches.
    pub(super) fn push(&mut self, bytes: &[u8], places: &mut Places) -> Vec<Vec<Frame>> {
        match self.framing {
            Framing::Raw => places.part(bytes).into_iter().map(|part| vec![self.frame(part.to_vec(), false)]).collect(),
            Framing::Lines => {
                let mut frames = Vec::new();
                for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                    self.line.extend_from_slice(piece);
                    while self.line.len() > MAX_LINE {
                        let rest = self.line.split_off(MAX_LINE);
                        let start = std::mem::replace(&mut self.line, rest);
                        frames.push(self.frame(start, true));
                    }
                    if piece.ends_with(b"\n") {
                        let line = std::mem::take(&mut self.line);
                        frames.push(self.frame(line, false));
                    }
                }
                places.batch(frames)
            }
        }
    }

    /// A last line without its newline.
    pub(super) fn finish(&mut self) -> Option<Frame> {
        let line = std::mem::take(&mut self.line);
        (!line.is_empty()).then(|| self.frame(line, false))
    }

    fn frame(&mut self, bytes: Vec<u8>, partial: bool) -> Frame {
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        Frame { stream: self.stream, offset, bytes, partial }
    }
}

/// The places of the cuts, along a whole transcript.
pub(super) struct Places {
    cut: Cut,
    seen: usize,
    random: u64,
}

impl Places {
    pub(super) fn new(cut: Cut) -> Self {
        let random = if let Cut::Random(seed) = cut { seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) } else { 1 };
        Self { cut, seen: 0, random }
    }

    /// Bytes until the next cut; never 0.
    fn next(&mut self) -> usize {
        match self.cut {
            Cut::Nowhere => MAX_BATCH,
            Cut::Everywhere => 1,
            Cut::At(place) => place.checked_sub(self.seen).filter(|left| *left > 0).unwrap_or(MAX_BATCH),
            Cut::Random(_) => {
                // Short pieces as often as long ones: what breaks is a cut within a character or a token.
                let longest = [2, 8, 64, 1024, MAX_BATCH][self.draw(5)];
                1 + self.draw(longest)
            }
        }
    }

    /// A number below `end`, by xorshift: the same for the same seed on every machine.
    fn draw(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 11).unwrap_or(0) % end
    }

    fn part<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut parts = Vec::new();
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(self.next().min(bytes.len()));
            self.seen += part.len();
            parts.push(part);
            bytes = rest;
        }
        parts
    }

    fn batch(&mut self, frames: Vec<Frame>) -> Vec<Vec<Frame>> {
        let mut batches: Vec<Vec<Frame>> = Vec::new();
        let mut room = 0;
        for frame in frames {
            let length = frame.bytes.len();
            match batches.last_mut() {
                Some(batch) if length < room => batch.push(frame),
                _ => {
                    room = self.next();
                    batches.push(vec![frame]);
                }
            }
            room = room.saturating_sub(length);
            self.seen += length;
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(batches: &[Vec<Frame>]) -> Vec<Vec<String>> {
        let text = |frame: &Frame| String::from_utf8_lossy(&frame.bytes).into_owned();
        batches.iter().map(|batch| batch.iter().map(text).collect()).collect()
    }

    #[test]
    fn raw_output_is_cut_at_any_byte_and_loses_none() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        for way in ways(bytes.len()).into_iter().chain(ways(100)) {
            let mut cutter = Cutter::new(Stream::Stdout);
            let frames = cutter.push(&bytes, &mut Places::new(way.cut)).concat();
            let joined: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.clone()).collect();
            assert_eq!(joined, bytes, "{way:?}");
            assert!(frames.iter().all(|frame| !frame.bytes.is_empty()), "{way:?}");
            let offsets: Vec<u64> = frames.iter().map(|frame| frame.offset).collect();
            assert!(offsets.is_sorted() && offsets[0] == 0, "{way:?}");
        }
    }

    #[test]
    fn lines_stay_whole_however_they_are_batched() {
        let mut cutter = Cutter::new(Stream::Stdout);
        cutter.begin(Framing::Lines);
        let mut whole = Places::new(Cut::Nowhere);
        assert_eq!(texts(&cutter.push(b"a\nb\nc", &mut whole)), [["a\n", "b\n"]]);
        assert_eq!(texts(&cutter.push(b"d\n", &mut whole)), [["cd\n"]]);
        let single = cutter.push(b"e\nf\ng", &mut Places::new(Cut::Everywhere));
        assert_eq!(texts(&single), [["e\n"], ["f\n"]]);
        assert_eq!(cutter.finish().map(|frame| (frame.offset, frame.bytes)), Some((11, b"g".to_vec())));
    }

    #[test]
    fn a_huge_line_comes_in_pieces() {
        let mut cutter = Cutter::new(Stream::Stdout);
        cutter.begin(Framing::Lines);
        let line = [vec![b'x'; MAX_LINE + 5], b"\n".to_vec()].concat();
        let frames = cutter.push(&line, &mut Places::new(Cut::Nowhere)).concat();
        let shape: Vec<(usize, bool)> = frames.iter().map(|frame| (frame.bytes.len(), frame.partial)).collect();
        assert_eq!(shape, [(MAX_LINE, true), (6, false)]);
    }
}
