//! Frames.

use std::fmt;

/// No frame is longer: both sides cut what they send into pieces. A page of a directory with the longest names fits in.
pub const LONGEST: usize = 16 << 20;
/// Kind and length.
const HEAD: usize = 5;
/// After so many bytes were taken out, the room that they took is used again.
const COMPACT: usize = 256 << 10;

/// What a frame is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// What is asked for, as JSON.
    Request = b'Q',
    /// The end of what was asked for, as JSON.
    Answer = b'E',
    /// Bytes of a file or an archive.
    Data = b'D',
    /// No more of these will come.
    DataEnd = b'Z',
    /// What a program printed on standard output.
    Stdout = b'1',
    /// What it printed on standard error.
    Stderr = b'2',
    /// How the program ended, as JSON. All that it printed came before.
    End = b'X',
    /// Nobody knows how the program ended.
    Gone = b'G',
    /// Bytes that the program is to read, after 8 bytes that tell their place in all of its input.
    Input = b'I',
    /// The program's input ends here.
    InputEnd = b'C',
    /// Up to this place (8 bytes) the program's input has arrived.
    Accepted = b'A',
    /// Up to this place (8 bytes) what the program printed is safe with the server.
    Safe = b'K',
    /// The terminal has so many rows and columns (2 bytes each).
    Resize = b'R',
    /// A signal for the program, by its number (4 bytes).
    Signal = b'S',
    /// The run can be forgotten.
    Forget = b'F',
    /// The sender is there.
    Beat = b'H',
}

impl Kind {
    const ALL: [Self; 16] = [
        Self::Request,
        Self::Answer,
        Self::Data,
        Self::DataEnd,
        Self::Stdout,
        Self::Stderr,
        Self::End,
        Self::Gone,
        Self::Input,
        Self::InputEnd,
        Self::Accepted,
        Self::Safe,
        Self::Resize,
        Self::Signal,
        Self::Forget,
        Self::Beat,
    ];
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is about.
    pub kind: Kind,
    /// What it says.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// The frame as it is sent.
    pub fn encode(kind: Kind, bytes: &[u8]) -> Vec<u8> {
        debug_assert!(bytes.len() <= LONGEST);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&[kind as u8][..], &length, bytes].concat()
    }

    /// Bytes that it takes as it is sent.
    pub fn encoded_length(&self) -> u64 {
        (HEAD + self.bytes.len()) as u64
    }

    /// The number at its beginning.
    pub fn number(&self) -> Option<u64> {
        self.bytes.get(..8)?.try_into().ok().map(u64::from_be_bytes)
    }
}

/// What came is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what came is none of the keeper's words")
    }
}

impl std::error::Error for Broken {}

/// Makes frames of what comes in whatever pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    taken: usize,
}

impl Decoder {
    /// Takes what came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > COMPACT || self.taken == self.bytes.len() {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame, if all of it has come.
    ///
    /// # Errors
    /// What came is no frame; nor is anything after it.
    pub fn frame(&mut self) -> Result<Option<Frame>, Broken> {
        let rest = &self.bytes[self.taken..];
        let Some((head, rest)) = rest.split_at_checked(HEAD) else { return Ok(None) };
        let kind = Kind::ALL.into_iter().find(|&kind| kind as u8 == head[0]).ok_or(Broken)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > LONGEST {
            return Err(Broken);
        }
        let Some(bytes) = rest.get(..length) else { return Ok(None) };
        let frame = Frame { kind, bytes: bytes.to_vec() };
        self.taken += HEAD + length;
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_whole_in_whatever_pieces_they_arrive() {
        let sent =
            [Frame::encode(Kind::Stdout, b"one"), Frame::encode(Kind::Beat, b""), Frame::encode(Kind::Data, b"2")];
        for size in 1..8 {
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for piece in sent.concat().chunks(size) {
                decoder.push(piece);
                while let Some(frame) = decoder.frame().unwrap() {
                    seen.push((frame.kind, frame.bytes));
                }
            }
            assert_eq!(seen, [(Kind::Stdout, b"one".to_vec()), (Kind::Beat, vec![]), (Kind::Data, b"2".to_vec())]);
        }
    }

    #[test]
    fn a_frame_that_is_announced_huge_takes_no_memory() {
        let mut decoder = Decoder::default();
        decoder.push(&[Kind::Data as u8, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(decoder.frame(), Err(Broken));
    }

    #[test]
    fn what_is_no_frame_is_told() {
        let mut decoder = Decoder::default();
        decoder.push(b"sh: keeper: not found\n");
        assert_eq!(decoder.frame(), Err(Broken));
    }
}
