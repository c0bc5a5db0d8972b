//! Lines of standard input, none of which is held in memory beyond what a message may take.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::wire::MAX_LINE;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A line that is longer than any message. It was passed over.
    TooLong,
}

/// A reader of lines.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(64 << 10, reader) }
    }

    /// The next line that is not empty; none at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        let (mut line, mut too_long) = (Vec::new(), false);
        loop {
            let piece = self.reader.fill_buf().await?;
            if piece.is_empty() {
                // What has no end was cut off: its sender is gone.
                return Ok(None);
            }
            let end = piece.iter().position(|&byte| byte == b'\n');
            let text = &piece[..end.unwrap_or(piece.len())];
            too_long |= line.len() + text.len() > MAX_LINE;
            if too_long {
                line = Vec::new();
            } else {
                line.extend_from_slice(text);
            }
            let used = end.map_or(piece.len(), |end| end + 1);
            self.reader.consume(used);
            match end {
                Some(_) if too_long => return Ok(Some(Line::TooLong)),
                Some(_) if !line.trim_ascii().is_empty() => return Ok(Some(Line::Whole(line))),
                Some(_) => line.clear(),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Vec<Line> {
        let mut lines = Lines::new(bytes);
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            read.push(line);
        }
        read
    }

    #[tokio::test]
    async fn empty_lines_are_passed_over_and_a_line_without_an_end_is_none() {
        let lines = read(b"one\n\n  \r\ntwo\nthree").await;
        assert_eq!(lines, [Line::Whole(b"one".to_vec()), Line::Whole(b"two".to_vec())]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_passed_over_as_a_whole() {
        let mut bytes = vec![b'x'; MAX_LINE + 1];
        bytes.extend_from_slice(b"\nnext\n");
        assert_eq!(read(&bytes).await, [Line::TooLong, Line::Whole(b"next".to_vec())]);
    }
}
