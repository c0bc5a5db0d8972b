//! Cuts an answer into its pieces: the data of server-sent events, the elements of an array, or all of it.

use sandboxed_model::wire::WireFormat;

/// Bytes of one event at most; larger ones are passed over.
const EVENT: usize = 1024 * 1024;

/// Bytes at most of a whole answer, and of an event of Responses, whose last one holds all that was said.
const WHOLE: usize = 16 * 1024 * 1024;

/// What an answer looks like. Its first byte tells, as the type that the provider names may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing has come yet.
    Unknown,
    /// Server-sent events.
    Events,
    /// An array that grows, as Gemini streams without `alt=sse`.
    Array,
    /// One object.
    Whole,
}

/// Cuts an answer into pieces, wherever the chunks in which it comes end.
pub(super) struct Pieces {
    shape: Shape,
    most: usize,
    /// The piece as far as it has come.
    data: Vec<u8>,
    /// Bytes of the piece, kept or not.
    size: usize,
    /// The piece is complete and goes with the next step.
    ready: bool,
    line: Line,
    array: Array,
}

/// The line of an event stream that is being read.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    /// It is larger than is kept.
    cut: bool,
    /// It ended with a carriage return, to which a line feed may belong.
    after_return: bool,
    /// The event has data.
    has_data: bool,
}

#[derive(Default)]
struct Array {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Pieces {
    pub(super) fn new(format: WireFormat) -> Self {
        Self {
            shape: Shape::Unknown,
            most: if format == WireFormat::Responses { WHOLE } else { EVENT },
            data: Vec::new(),
            size: 0,
            ready: false,
            line: Line::default(),
            array: Array::default(),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether the last byte was a carriage return, to which a line feed may belong.
    pub(super) fn is_after_return(&self) -> bool {
        self.line.after_return
    }

    /// Takes some of the bytes, one at least, and tells how many and whether they complete a piece.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> (usize, bool) {
        if std::mem::take(&mut self.ready) {
            self.data.clear();
            self.size = 0;
        }
        if self.shape == Shape::Unknown {
            let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            if blank > 0 {
                return (blank, false);
            }
            self.shape = match bytes[0] {
                b'{' => Shape::Whole,
                b'[' => Shape::Array,
                _ => Shape::Events,
            };
            if self.shape == Shape::Whole {
                self.most = WHOLE;
            }
        }
        let (taken, complete) = match self.shape {
            Shape::Events => self.lines(bytes),
            Shape::Array => self.elements(bytes),
            Shape::Whole | Shape::Unknown => {
                self.keep(bytes);
                (bytes.len(), false)
            }
        };
        self.ready = complete;
        (taken, complete)
    }

    /// The answer has ended; whether that completes a piece.
    pub(super) fn end(&mut self) -> bool {
        // An event without the empty line behind it does not count, as for any reader of events.
        self.shape == Shape::Whole && self.size > 0
    }

    /// The piece that is complete, unless it is larger than is kept.
    pub(super) fn piece(&self) -> Option<&[u8]> {
        (self.data.len() == self.size).then_some(self.data.as_slice())
    }

    /// Bytes of the piece.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.size += bytes.len();
        if self.size <= self.most {
            self.data.extend_from_slice(bytes);
        } else {
            // The next piece need not have so much memory held for it.
            self.data = Vec::new();
        }
    }

    fn lines(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        if std::mem::take(&mut self.line.after_return) && bytes[0] == b'\n' {
            at = 1;
        }
        while at < bytes.len() {
            let Some(length) = memchr::memchr2(b'\n', b'\r', &bytes[at..]) else {
                self.line.push(&bytes[at..], self.most);
                return (bytes.len(), false);
            };
            self.line.push(&bytes[at..at + length], self.most);
            at += length + 1;
            if bytes[at - 1] == b'\r' {
                match bytes.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.line.after_return = true,
                }
            }
            if self.end_line() {
                return (at, true);
            }
        }
        (at, false)
    }

    /// Whether the line ends an event.
    fn end_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.line.bytes);
        let cut = std::mem::take(&mut self.line.cut);
        if line.is_empty() {
            return std::mem::take(&mut self.line.has_data);
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            if self.line.has_data {
                self.keep(b"\n");
            }
            self.line.has_data = true;
            if cut {
                self.size = self.size.saturating_add(self.most);
            }
            self.keep(value);
        }
        // Its memory serves the next line.
        self.line.bytes = line;
        self.line.bytes.clear();
        if self.line.bytes.capacity() > EVENT {
            self.line.bytes = Vec::new();
        }
        false
    }

    fn elements(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut from = 0;
        let mut at = 0;
        while at < bytes.len() {
            if std::mem::take(&mut self.array.escaped) {
                at += 1;
                continue;
            }
            if self.array.in_text {
                let Some(length) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else { break };
                at += length + 1;
                self.array.in_text = bytes[at - 1] == b'\\';
                self.array.escaped = self.array.in_text;
                continue;
            }
            match bytes[at] {
                b'"' => self.array.in_text = true,
                b'{' | b'[' => {
                    if self.array.depth == 1 {
                        from = at;
                    }
                    self.array.depth += 1;
                }
                b'}' | b']' => {
                    self.array.depth = self.array.depth.saturating_sub(1);
                    if self.array.depth == 1 {
                        self.keep(&bytes[from..=at]);
                        return (at + 1, true);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        if self.array.depth > 1 {
            self.keep(&bytes[from..]);
        }
        (bytes.len(), false)
    }
}

impl Line {
    fn push(&mut self, bytes: &[u8], most: usize) {
        let room = most.saturating_sub(self.bytes.len());
        self.cut |= bytes.len() > room;
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(format: WireFormat, chunks: &[&[u8]]) -> Vec<Option<String>> {
        let mut pieces = Pieces::new(format);
        let mut found = Vec::new();
        for chunk in chunks {
            let mut at = 0;
            while at < chunk.len() {
                let (taken, complete) = pieces.advance(&chunk[at..]);
                assert!(taken > 0);
                at += taken;
                if complete {
                    found.push(pieces.piece().map(|piece| String::from_utf8_lossy(piece).into_owned()));
                }
            }
        }
        if pieces.end() {
            found.push(pieces.piece().map(|piece| String::from_utf8_lossy(piece).into_owned()));
        }
        found
    }

    /// The pieces are the same wherever the bytes are split.
    fn always(format: WireFormat, bytes: &str, pieces: &[&str]) {
        let bytes = bytes.as_bytes();
        let right: Vec<Option<String>> = pieces.iter().map(|piece| Some((*piece).to_owned())).collect();
        assert_eq!(cut(format, &[bytes]), right);
        for at in 0..bytes.len() {
            assert_eq!(cut(format, &[&bytes[..at], &bytes[at..]]), right, "split at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(cut(format, &single), right);
    }

    #[test]
    fn events_are_cut_wherever_the_bytes_are_split_and_lines_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ": hi\n\nevent: a\ndata: {\"x\":1}\n\ndata:two\nid: 7\ndata: lines\n\n\ndata: wörld\n\nevent: none\n\ndata: lost\n";
            let pieces = ["{\"x\":1}", "two\nlines", "wörld"];
            always(WireFormat::Messages, &text.replace('\n', end), &pieces);
        }
    }

    #[test]
    fn elements_are_cut_wherever_the_bytes_are_split() {
        let text = " [{\"a\":\"}]\\\"{\\\\\"}\r\n,\n{\"b\":[1,{\"c\":[]}]},{}\n]\n";
        always(WireFormat::Gemini, text, &["{\"a\":\"}]\\\"{\\\\\"}", "{\"b\":[1,{\"c\":[]}]}", "{}"]);
    }

    #[test]
    fn one_object_is_one_piece() {
        always(WireFormat::Chat, "\n{\"a\":\n1}\n", &["{\"a\":\n1}\n"]);
    }

    #[test]
    fn an_event_that_is_too_large_is_passed_over_and_the_next_is_read() {
        let huge = "x".repeat(EVENT + 1);
        let text =
            format!("data: {huge}\n\ndata: {}\ndata: {}\n\ndata: next\n\n", &huge[..EVENT / 2], &huge[..EVENT / 2]);
        for size in [100, 4096, text.len()] {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            assert_eq!(cut(WireFormat::Chat, &chunks), [None, None, Some("next".to_owned())]);
        }
        let found = cut(WireFormat::Responses, &[format!("data: {huge}\n\n").as_bytes()]);
        assert_eq!(found, [Some(huge)]);
    }
}
