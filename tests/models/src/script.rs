//! The steps of an answer, and the events that a wire format makes of them one by one, so that a long answer never is in
//! memory as a whole.

use std::{collections::VecDeque, ops::Range};

use crate::{
    reply::{Block, Reply},
    usage::Usage,
};

/// One step of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Begin,
    Start(usize),
    Delta(usize, Range<usize>),
    Stop(usize),
    End,
}

/// One event of a stream, or a whole body.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: Option<&'static str>,
    pub(crate) data: String,
    /// What is known of the tokens once this event was read.
    pub(crate) tells: Option<Usage>,
}

impl Event {
    pub(crate) fn named(name: &'static str, data: String) -> Self {
        Self { name: Some(name), data, tells: None }
    }

    pub(crate) fn plain(data: String) -> Self {
        Self { name: None, data, tells: None }
    }

    /// The same with usage in it, unless that is a lie.
    pub(crate) fn telling(self, usage: Usage, honest: bool) -> Self {
        Self { tells: honest.then_some(usage), ..self }
    }
}

/// Makes the events of one wire format.
pub(crate) trait Writer: Send {
    /// The events of a step.
    fn write(&mut self, reply: &Reply, step: &Step) -> Vec<Event>;
    /// An error in the middle of the stream.
    fn error(&mut self, reply: &Reply, status: u16) -> Event;
    /// An event that no client knows, of about so many bytes.
    fn padding(&mut self, reply: &Reply, filler: String) -> Event;
}

/// The events of an answer in their order.
pub(crate) struct Script {
    reply: Reply,
    writer: Box<dyn Writer>,
    next: Option<Step>,
    ready: VecDeque<Event>,
    /// The first text is repeated for ever.
    endless: bool,
}

impl Script {
    pub(crate) fn stream(reply: Reply, writer: Box<dyn Writer>, endless: bool) -> Self {
        Self { reply, writer, next: Some(Step::Begin), ready: VecDeque::new(), endless }
    }

    /// A script of one event.
    pub(crate) fn whole(reply: Reply, writer: Box<dyn Writer>, body: Event) -> Self {
        Self { reply, writer, next: None, ready: VecDeque::from([body]), endless: false }
    }

    pub(crate) fn error(&mut self, status: u16) -> Event {
        self.next = None;
        self.ready.clear();
        self.writer.error(&self.reply, status)
    }

    pub(crate) fn padding(&mut self, bytes: u64) -> Event {
        let filler = "x".repeat(usize::try_from(bytes).unwrap_or(0));
        self.writer.padding(&self.reply, filler)
    }

    fn after(&self, step: &Step) -> Option<Step> {
        let start = |index: usize| if index < self.reply.blocks.len() { Step::Start(index) } else { Step::End };
        let piece = |index: usize, from: usize| {
            let text = self.reply.blocks[index].text();
            let rest = &text[from..];
            let length = rest.char_indices().nth(self.reply.chunk).map_or(rest.len(), |(at, _)| at);
            if length == 0 { Step::Stop(index) } else { Step::Delta(index, from..from + length) }
        };
        Some(match step {
            Step::Begin => start(0),
            Step::Start(index) => piece(*index, 0),
            Step::Delta(index, range) => match piece(*index, range.end) {
                Step::Stop(index) if self.endless && matches!(self.reply.blocks[index], Block::Text(_)) => {
                    piece(index, 0)
                }
                next => next,
            },
            Step::Stop(index) => start(index + 1),
            Step::End => return None,
        })
    }
}

impl Iterator for Script {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let step = self.next.take()?;
            self.ready.extend(self.writer.write(&self.reply, &step));
            self.next = self.after(&step);
        }
    }
}
