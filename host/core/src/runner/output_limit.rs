//! How much of a tool call's output goes into the event log.
//!
//! The spool keeps far more. The log keeps the start of the output and, when the call ends, the last part of it, with
//! the number of bytes in between that were left out.

use std::collections::{BTreeMap, HashMap, VecDeque};

use sandboxed_model::{command::OutputStream, event::ToolOutput};
use serde::{Deserialize, Serialize};

/// How much a call has printed, for a server that takes the turn up after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Printed {
    kept: u64,
    omitted: u64,
}

/// The calls of one turn.
pub(crate) struct OutputLimit {
    head: u64,
    tail: usize,
    calls: HashMap<String, Call>,
}

#[derive(Default)]
struct Call {
    kept: u64,
    tail: VecDeque<(OutputStream, String)>,
    tail_bytes: usize,
    omitted: u64,
}

impl OutputLimit {
    /// `limit` bytes of each call are kept from its start and a sixteenth of it from its end.
    pub(crate) fn new(limit: u64) -> Self {
        Self { head: limit, tail: usize::try_from(limit / 16).unwrap_or(usize::MAX), calls: HashMap::new() }
    }

    /// What a server that takes the turn up must know. The end that is held for the log is lost with this process
    /// and so counts as left out.
    pub(crate) fn printed(&self) -> BTreeMap<String, Printed> {
        self.calls
            .iter()
            .map(|(id, call)| (id.clone(), Printed { kept: call.kept, omitted: call.omitted + call.tail_bytes as u64 }))
            .collect()
    }

    /// Goes on after a crash.
    pub(crate) fn restore(&mut self, printed: BTreeMap<String, Printed>) {
        for (id, Printed { kept, omitted }) in printed {
            self.calls.insert(id, Call { kept, omitted, ..Call::default() });
        }
    }

    /// Takes a piece of output and returns it if it still belongs to what is kept from the start.
    pub(crate) fn admit(&mut self, id: String, stream: OutputStream, text: String) -> Option<ToolOutput> {
        let call = self.calls.entry(id.clone()).or_default();
        if call.omitted == 0 && call.tail.is_empty() && call.kept + text.len() as u64 <= self.head {
            call.kept += text.len() as u64;
            return Some(ToolOutput { id, stream, text, omitted_bytes: 0 });
        }
        call.tail_bytes += text.len();
        call.tail.push_back((stream, text));
        while call.tail_bytes > self.tail {
            let Some((stream, first)) = call.tail.pop_front() else { break };
            call.tail_bytes -= first.len();
            let spare = self.tail.saturating_sub(call.tail_bytes);
            let kept = last_chars(&first, spare);
            call.omitted += (first.len() - kept.len()) as u64;
            if !kept.is_empty() {
                call.tail_bytes += kept.len();
                call.tail.push_front((stream, kept.to_owned()));
                break;
            }
        }
        None
    }

    /// The call has ended: returns the end of its output, the first piece with the number of bytes left out before it.
    pub(crate) fn finish(&mut self, id: &str) -> Vec<ToolOutput> {
        let Some(call) = self.calls.remove(id) else { return Vec::new() };
        let mut omitted = call.omitted;
        let mut pieces: Vec<ToolOutput> = Vec::new();
        if call.tail.is_empty() && omitted > 0 {
            let text = String::new();
            pieces.push(ToolOutput { id: id.to_owned(), stream: OutputStream::Stdout, text, omitted_bytes: omitted });
        }
        for (stream, text) in call.tail {
            match pieces.last_mut() {
                Some(last) if last.stream == stream => last.text.push_str(&text),
                _ => pieces.push(ToolOutput {
                    id: id.to_owned(),
                    stream,
                    text,
                    omitted_bytes: std::mem::take(&mut omitted),
                }),
            }
        }
        pieces
    }

    /// The turn has ended: the ends of all calls that were not finished.
    pub(crate) fn finish_all(&mut self) -> Vec<ToolOutput> {
        let mut ids: Vec<String> = self.calls.keys().cloned().collect();
        ids.sort_unstable();
        ids.iter().flat_map(|id| self.finish(id)).collect()
    }
}

/// The longest end of `text` that is at most `bytes` long and starts at a character.
fn last_chars(text: &str, bytes: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(limit: &mut OutputLimit, text: &str) -> Option<String> {
        limit.admit("call".to_owned(), OutputStream::Stdout, text.to_owned()).map(|output| output.text)
    }

    #[test]
    fn output_within_the_limit_is_kept_as_it_comes() {
        let mut limit = OutputLimit::new(160);
        assert_eq!(feed(&mut limit, "hello"), Some("hello".to_owned()));
        assert!(limit.finish("call").is_empty());
    }

    #[test]
    fn of_endless_output_the_start_and_the_end_are_kept_and_the_rest_is_counted() {
        let mut limit = OutputLimit::new(160);
        let mut kept = String::new();
        for number in 0..1000 {
            kept.extend(feed(&mut limit, &format!("{number:04}\n")));
        }
        let end = limit.finish("call");

        assert_eq!(kept.len(), 160);
        assert!(kept.starts_with("0000\n"));
        assert_eq!(end.len(), 1);
        assert!(end[0].text.ends_with("0999\n"), "{:?}", end[0].text);
        assert_eq!(160 + end[0].omitted_bytes + end[0].text.len() as u64, 5000);
    }

    #[test]
    fn a_single_huge_piece_keeps_its_end() {
        let mut limit = OutputLimit::new(160);
        assert_eq!(feed(&mut limit, &"ä".repeat(10_000)), None);
        let end = limit.finish("call");
        assert_eq!(end[0].text, "äääää");
        assert_eq!(end[0].omitted_bytes, 20_000 - 10);
    }

    #[test]
    fn what_was_held_back_when_the_server_died_is_counted_as_left_out() {
        let mut before = OutputLimit::new(160);
        feed(&mut before, &"x".repeat(150));
        feed(&mut before, "held until the call ends");
        let mut after = OutputLimit::new(160);
        after.restore(before.printed());

        assert_eq!(feed(&mut after, "the end"), None, "output after a hole was shown without the mark");
        assert_eq!(after.finish("call")[0].omitted_bytes, "held until the call ends".len() as u64);
    }

    #[test]
    fn calls_do_not_share_their_limit() {
        let mut limit = OutputLimit::new(160);
        feed(&mut limit, &"x".repeat(500));
        let other = limit.admit("other".to_owned(), OutputStream::Stdout, "fine".to_owned());
        assert!(other.is_some());
        assert_eq!(limit.finish_all().len(), 1);
    }
}
