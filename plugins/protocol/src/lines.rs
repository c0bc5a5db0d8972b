//! Lines of JSON out of what a process prints.
//!
//! The host hands over whole lines and cuts only those of more than 1 MiB ([`Framing::Lines`]). A line that is cut is
//! skipped and not put together: a session has to fit in 64 KiB when it is saved, after every piece.
//!
//! [`Framing::Lines`]: sandboxed_sdk::harness::Framing::Lines

use sandboxed_sdk::harness::{Event, Frame, Gap, Notice, NoticeLevel, Stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes at the end of standard error that are kept for the message of a crash.
const STDERR_KEPT: usize = 2 << 10;
/// Bytes that are shown of a line that is no JSON.
const SHOWN: usize = 200;

/// Reads one process's standard output as lines of JSON, and keeps the end of its standard error.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// Where in standard output the reader is.
    place: Place,
    /// A notice about text between the JSON was given.
    told: bool,
    stderr: Tail,
    /// The program has said something in its protocol.
    #[serde(default)]
    began: bool,
    /// The beginning of the first text that was no JSON.
    #[serde(default)]
    text: String,
}

/// Where in a stream of lines the next frame lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
enum Place {
    /// It begins a line.
    #[default]
    Start,
    /// It goes on with a line of which so many bytes were skipped.
    Skipping(u64),
    /// It may go on with a line whose beginning was lost.
    AfterGap,
}

/// What one frame of standard output holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A line that is JSON.
    Json(Value),
    /// Something else happened to the stream, of which a person is told.
    Told(Event),
    /// A line was too long and is skipped; a person is told where the driver did not expect it.
    TooLong(Event),
}

impl Lines {
    /// Takes one frame. Nothing comes of an empty line, of standard error (see [`Lines::stderr`]), and of the pieces of
    /// a line that is too long but its last.
    pub fn read(&mut self, frame: &Frame) -> Option<Line> {
        match frame.stream {
            Stream::Stdout => self.stdout(frame),
            Stream::Stderr => {
                self.stderr.push(&frame.bytes);
                None
            }
        }
    }

    /// Takes a hole in the output, and tells of it.
    pub fn skip(&mut self, gap: &Gap) -> Event {
        let stream = match gap.stream {
            Stream::Stdout => {
                self.place = Place::AfterGap;
                "standard output"
            }
            Stream::Stderr => "standard error",
        };
        notice(
            "agent.output_dropped",
            format!("{} bytes of {stream} were dropped: the agent printed more than is kept", gap.length),
        )
    }

    /// The end of what the process printed on standard error, at most 2 KiB.
    pub fn stderr(&self) -> &str {
        &self.stderr.text
    }

    /// Whether the program has said anything in its protocol.
    pub fn began(&self) -> bool {
        self.began
    }

    /// What the program said last that can tell a person why it failed: the end of its standard error, or else what it
    /// printed before it said anything in its protocol.
    pub fn last_words(&self) -> &str {
        if self.began || !self.stderr.text.trim().is_empty() { &self.stderr.text } else { &self.text }
    }

    /// What the program printed instead of its protocol; empty where it did not.
    pub fn nonsense(&self) -> &str {
        &self.text
    }

    fn stdout(&mut self, frame: &Frame) -> Option<Line> {
        let length = frame.bytes.len() as u64;
        match (self.place, frame.partial) {
            (Place::Skipping(skipped), true) => {
                self.place = Place::Skipping(skipped.saturating_add(length));
                None
            }
            (_, true) => {
                self.place = Place::Skipping(length);
                None
            }
            (Place::Skipping(skipped), false) => {
                self.place = Place::Start;
                let whole = skipped.saturating_add(length);
                let text = format!("a line of {whole} bytes was skipped: the agent printed more at once than is read");
                Some(Line::TooLong(notice("agent.line_too_long", text)))
            }
            (place, false) => {
                self.place = Place::Start;
                self.parse(&frame.bytes, place == Place::AfterGap)
            }
        }
    }

    fn parse(&mut self, bytes: &[u8], cut: bool) -> Option<Line> {
        let line = bytes.trim_ascii();
        if line.is_empty() {
            return None;
        }
        match serde_json::from_slice(line) {
            Ok(value) => {
                self.began = true;
                Some(Line::Json(value))
            }
            // The gap was told of; this is what it left of a line.
            Err(_) if cut => None,
            Err(_) if self.told => None,
            Err(_) => {
                self.told = true;
                let shown = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]);
                self.text = shown.chars().filter(|character| !character.is_control()).collect();
                Some(Line::Told(notice("agent.not_json", format!("the agent printed what is no JSON: {shown}"))))
            }
        }
    }
}

fn notice(code: &str, text: String) -> Event {
    Event::Notice(Notice { level: NoticeLevel::Warning, code: code.to_owned(), text })
}

/// The end of a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Tail {
    text: String,
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        // Of a huge frame only the end can stay, and a lossy text is never shorter than its bytes.
        let bytes = &bytes[bytes.len().saturating_sub(STDERR_KEPT)..];
        let text = String::from_utf8_lossy(bytes);
        // Control characters take much room when they are saved, and colour nothing in a message.
        self.text.extend(text.chars().filter(|character| !character.is_control() || *character == '\n'));
        let mut start = self.text.len().saturating_sub(STDERR_KEPT);
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        self.text.drain(..start);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn frame(stream: Stream, bytes: &[u8], partial: bool) -> Frame {
        Frame { stream, offset: 0, bytes: bytes.to_vec(), partial }
    }

    fn out(bytes: &[u8]) -> Frame {
        frame(Stream::Stdout, bytes, false)
    }

    fn code(line: Option<Line>) -> String {
        match line {
            Some(Line::Told(Event::Notice(notice))) => notice.code,
            other => panic!("no notice: {other:?}"),
        }
    }

    #[test]
    fn the_last_words_are_those_of_standard_error_and_else_what_was_printed_instead_of_the_protocol() {
        let mut lines = Lines::default();
        lines.read(&out(b"Welcome!\n"));
        assert_eq!((lines.began(), lines.last_words()), (false, "Welcome!"));
        lines.read(&frame(Stream::Stderr, b"out of cheese\n", false));
        assert_eq!((lines.last_words(), lines.nonsense()), ("out of cheese\n", "Welcome!"));
        lines.read(&out(b"{}\n"));
        assert!(lines.began());
    }

    #[test]
    fn a_line_of_json_is_its_value_and_an_empty_line_nothing() {
        let mut lines = Lines::default();
        assert_eq!(lines.read(&out(b" {\"a\":1}\r\n")), Some(Line::Json(json!({ "a": 1 }))));
        assert_eq!(lines.read(&out(b"\n")), None);
    }

    #[test]
    fn text_between_the_json_is_told_once() {
        let mut lines = Lines::default();
        let banner = [b"starting \xff".to_vec(), vec![b'x'; 1000]].concat();
        match lines.read(&out(&banner)) {
            Some(Line::Told(Event::Notice(notice))) => {
                assert_eq!(notice.code, "agent.not_json");
                assert!(notice.text.len() < 300, "{}", notice.text);
            }
            other => panic!("no notice: {other:?}"),
        }
        assert_eq!(lines.read(&out(b"more text\n")), None);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_told_with_its_length() {
        let mut lines = Lines::default();
        assert_eq!(lines.read(&frame(Stream::Stdout, &[b'x'; 100], true)), None);
        assert_eq!(lines.read(&frame(Stream::Stdout, &[b'x'; 100], true)), None);
        let Some(Line::TooLong(Event::Notice(notice))) = lines.read(&out(b"x\n")) else { panic!("no notice") };
        assert_eq!(notice.code, "agent.line_too_long");
        assert!(notice.text.contains("202 bytes"), "{}", notice.text);
        assert_eq!(lines.read(&out(b"1\n")), Some(Line::Json(json!(1))));
    }

    #[test]
    fn what_a_gap_left_of_a_line_is_dropped_and_a_whole_line_after_it_is_read() {
        let gap = Gap { stream: Stream::Stdout, offset: 0, length: 7 };
        let mut lines = Lines::default();
        let Event::Notice(told) = lines.skip(&gap) else { panic!("no notice") };
        assert_eq!(told.code, "agent.output_dropped");
        assert_eq!(lines.read(&out(b"\"b\":2}\n")), None);
        assert_eq!(code(lines.read(&out(b"text\n"))), "agent.not_json");
        lines.skip(&gap);
        assert_eq!(lines.read(&out(b"2\n")), Some(Line::Json(json!(2))));
    }

    #[test]
    fn of_standard_error_the_end_is_kept() {
        let mut lines = Lines::default();
        for _ in 0..5000 {
            lines.read(&frame(Stream::Stderr, "ä".as_bytes(), false));
        }
        lines.read(&frame(Stream::Stderr, b"the end\n", false));
        lines.read(&frame(Stream::Stderr, &[0xff; 3], false));
        assert!(lines.stderr().len() <= STDERR_KEPT);
        assert!(lines.stderr().ends_with("the end\n\u{fffd}\u{fffd}\u{fffd}"));
        lines.read(&frame(Stream::Stderr, &vec![b'x'; 1 << 20], true));
        assert_eq!(lines.stderr().len(), STDERR_KEPT);
    }

    #[test]
    fn json_that_is_nested_without_end_is_no_json() {
        let mut lines = Lines::default();
        assert_eq!(code(lines.read(&out(&vec![b'['; 100_000]))), "agent.not_json");
    }
}
