//! Reading `text/event-stream`.

/// The longest event that is read, in bytes. The server's events are far smaller.
const MAX_EVENT: usize = 32 << 20;

/// Cuts what comes over the wire into the data of events.
#[derive(Default)]
pub(super) struct SseReader {
    /// What came of a line whose end has not come.
    line: Vec<u8>,
    data: String,
}

/// An event that is longer than any that the server sends.
#[derive(Debug)]
pub(super) struct TooLong;

impl SseReader {
    /// Takes what came and gives the data of the events that are complete with it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data.len() > MAX_EVENT {
                return Err(TooLong);
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(line.trim_ascii_end());
                if line.is_empty() {
                    if !self.data.is_empty() {
                        events.push(std::mem::take(&mut self.data));
                    }
                } else if let Some(data) = line.strip_prefix("data:") {
                    if !self.data.is_empty() {
                        self.data.push('\n');
                    }
                    self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
                }
            }
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_the_bytes_are_cut() {
        let wire =
            "retry: 2000\n\nid: 1\nevent: message\ndata: {\"text\":\"ü\"}\n\n: keep-alive\n\nid: 2\r\ndata:x\r\n\r\n";
        for size in [1, 2, 7, wire.len()] {
            let mut reader = SseReader::default();
            let events: Vec<String> =
                wire.as_bytes().chunks(size).flat_map(|chunk| reader.push(chunk).unwrap()).collect();
            assert_eq!(events, ["{\"text\":\"ü\"}", "x"], "in pieces of {size}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut reader = SseReader::default();
        let line = vec![b'x'; 1 << 20];
        assert!((0..64).any(|_| reader.push(&line).is_err()));
    }
}
