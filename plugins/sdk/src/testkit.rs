//! Replaying transcripts through a driver, natively.
//!
//! What a session says must not depend on how its process's output happened to be cut, nor on when the host saved the
//! session and opened it again. [`replay`] tries both.

use crate::harness::{Event, Frame, Input, Session, Stream};

/// What happened to a session, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A turn begins.
    Prompt(&'static str),
    /// The process printed this on standard output.
    Stdout(&'static [u8]),
    /// The process printed this on standard error.
    Stderr(&'static [u8]),
    /// Anything else, as it is.
    Input(Input),
}

/// Runs the steps through a session with the output cut into pieces of one byte, of seven and as it is, and with the
/// session saved and opened again between all inputs, and returns what it said. Neighbouring increments of one text
/// are joined.
///
/// # Panics
/// When what it says differs between these ways.
pub fn replay<S: Session>(steps: &[Step]) -> Vec<Event> {
    let whole = run::<S>(steps, usize::MAX, false);
    for (piece, reopen) in [(usize::MAX, true), (7, false), (7, true), (1, false), (1, true)] {
        let other = run::<S>(steps, piece, reopen);
        assert_eq!(
            format!("{whole:#?}"),
            format!("{other:#?}"),
            "the session says something else when output is cut into pieces of {piece} bytes (opened anew: {reopen})"
        );
    }
    whole
}

fn run<S: Session>(steps: &[Step], piece: usize, reopen: bool) -> Vec<Event> {
    let mut session = open::<S>(None);
    let mut offsets = [0_u64; 2];
    let mut events = Vec::new();
    for step in steps {
        let inputs: Vec<Input> = match step {
            Step::Prompt(text) => vec![Input::Prompt((*text).to_owned())],
            Step::Stdout(bytes) => frames(Stream::Stdout, bytes, piece, &mut offsets[0]),
            Step::Stderr(bytes) => frames(Stream::Stderr, bytes, piece, &mut offsets[1]),
            Step::Input(input) => vec![input.clone()],
        };
        for input in inputs {
            if reopen {
                session = open::<S>(Some(session.save()));
            }
            match session.step(0, input) {
                Ok(result) => result.events.into_iter().for_each(|event| push(&mut events, event)),
                Err(failure) => panic!("the session failed: {failure:?}"),
            }
        }
    }
    events
}

fn open<S: Session>(saved: Option<Vec<u8>>) -> S {
    assert!(saved.as_ref().is_none_or(|saved| saved.len() <= 64 << 10), "a session saves at most 64 KiB");
    match S::open("mission".to_owned(), saved) {
        Ok(session) => session,
        Err(failure) => panic!("the session does not open: {failure:?}"),
    }
}

fn frames(stream: Stream, bytes: &[u8], piece: usize, offset: &mut u64) -> Vec<Input> {
    let mut inputs = Vec::new();
    for part in bytes.chunks(piece.min(bytes.len().max(1))) {
        inputs.push(Input::Frames(vec![Frame { stream, offset: *offset, bytes: part.to_vec(), partial: false }]));
        *offset += part.len() as u64;
    }
    inputs
}

fn push(events: &mut Vec<Event>, event: Event) {
    match (events.last_mut(), &event) {
        (Some(Event::ToolOutput(last)), Event::ToolOutput(next))
            if last.id == next.id && last.stream == next.stream =>
        {
            last.text.push_str(&next.text);
        }
        (Some(Event::Message(last)), Event::Message(next)) if last.id == next.id => last.text.push_str(&next.text),
        (Some(Event::Thought(last)), Event::Thought(next)) if last.id == next.id => last.text.push_str(&next.text),
        _ => events.push(event),
    }
}
