//! Running a session through what happened.

use super::{
    cut::{Cutter, Places, Way, ways},
    transcript::{Moment, gap},
};
use crate::{
    Failure,
    harness::{Action, Event, Framing, Input, Session, Start, Stream},
};

/// Bytes that a session may want remembered: the contract's limit.
const MAX_SAVED: usize = 64 << 10;

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

/// Runs the steps through a session with raw output cut at every byte (long output at many places), and with the
/// session saved and opened again between all inputs, and returns what it said. Neighbouring increments of one text
/// are joined.
///
/// # Panics
/// When what it says or does differs between these ways, when it refuses an input, and when it breaks a rule of the
/// contract.
pub fn replay<S: Session>(steps: &[Step]) -> Vec<Event> {
    let moments: Vec<Moment> = steps
        .iter()
        .map(|step| match step {
            Step::Prompt(text) => Moment::Prompt((*text).to_owned()),
            Step::Stdout(bytes) => Moment::Output(Stream::Stdout, bytes.to_vec()),
            Step::Stderr(bytes) => Moment::Output(Stream::Stderr, bytes.to_vec()),
            Step::Input(input) => Moment::Input(input.clone()),
        })
        .collect();
    let length = steps
        .iter()
        .map(|step| if let Step::Stdout(bytes) | Step::Stderr(bytes) = step { bytes.len() } else { 0 })
        .sum();
    let raw = |launching: &Launching<'_>| {
        let start = Start { turn: launching.turn, ..super::start(launching.prompt) };
        Ok(Launched { start, stdout: Framing::Raw, stderr: Framing::Raw })
    };
    let said = in_all_ways(length, |way| run::<S>(&moments, way, raw)).unwrap_or_else(|why| panic!("{why}"));
    let events = said.told.into_iter().map(|told| match told {
        Told::Event(event) => event,
        Told::Refused(failure) => panic!("the session refused an input: {failure:?}"),
    });
    events.collect()
}

/// What a session said and wants done.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    pub(super) told: Vec<Told>,
    /// Apart from the events: which of them an action follows depends on how inputs were batched.
    pub(super) actions: Vec<Action>,
}

/// One thing that a session told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    Event(Event),
    Refused(Failure),
}

/// What is known when a process is to be launched.
pub(super) struct Launching<'a> {
    pub(super) turn: u32,
    pub(super) prompt: &'a str,
    /// The agent's own session, where it told one.
    pub(super) resume: Option<&'a str>,
}

/// How a turn begins.
pub(super) struct Launched {
    pub(super) start: Start,
    pub(super) stdout: Framing,
    pub(super) stderr: Framing,
}

/// Runs all ways and returns what every one of them led to; the error tells of the first that differs.
pub(super) fn in_all_ways(length: usize, run: impl Fn(Way) -> Result<Said, String>) -> Result<Said, String> {
    let mut ways = ways(length).into_iter();
    let Some(plain) = ways.next() else { return Ok(Said::default()) };
    let said = run(plain)?;
    for way in ways {
        let other = run(way)?;
        if other != said {
            return Err(format!(
                "the session says something else when its output is cut {way}.\n--- cut nowhere\n{}\n+++ cut {way}\n{}",
                listed(&said),
                listed(&other)
            ));
        }
    }
    Ok(said)
}

fn listed(said: &Said) -> String {
    let told = said.told.iter().map(|told| format!("{told:?}"));
    told.chain(said.actions.iter().map(|action| format!("{action:?}"))).collect::<Vec<_>>().join("\n")
}

/// Runs the moments in one way. `launch` says how a turn begins.
pub(super) fn run<S: Session>(
    moments: &[Moment],
    way: Way,
    launch: impl Fn(&Launching<'_>) -> Result<Launched, Failure>,
) -> Result<Said, String> {
    let mut player = Player::<S> { open: None, reopen: way.reopen, said: Said::default() };
    let mut places = Places::new(way.cut);
    let mut stdout = Cutter::new(Stream::Stdout);
    let mut stderr = Cutter::new(Stream::Stderr);
    let mut turn = 0;
    for moment in moments {
        match moment {
            Moment::Prompt(text) => {
                turn += 1;
                let launching = Launching { turn, prompt: text, resume: player.native_session() };
                match launch(&launching) {
                    Ok(launched) => {
                        stdout.begin(launched.stdout);
                        stderr.begin(launched.stderr);
                        player.begin(launched.start)?;
                        player.step(Input::Prompt)?;
                    }
                    Err(failure) => player.said.told.push(Told::Refused(failure)),
                }
            }
            Moment::Output(stream, bytes) => {
                let cutter = if *stream == Stream::Stdout { &mut stdout } else { &mut stderr };
                for frames in cutter.push(bytes, &mut places) {
                    player.step(Input::Frames(frames))?;
                }
            }
            Moment::Gap(stream, length) => {
                let cutter = if *stream == Stream::Stdout { &mut stdout } else { &mut stderr };
                player.step(gap(*stream, cutter.offset(), *length))?;
                cutter.skip(*length);
            }
            Moment::Input(input) => {
                if matches!(input, Input::Exited(_)) {
                    let rest: Vec<_> = [stdout.finish(), stderr.finish()].into_iter().flatten().collect();
                    if !rest.is_empty() {
                        player.step(Input::Frames(rest))?;
                    }
                }
                player.step(input.clone())?;
            }
        }
        let ends = player.said.told.iter().filter(|told| matches!(told, Told::Event(Event::TurnEnd(_)))).count();
        if ends > turn as usize {
            return Err(format!("{ends} ends of a turn were told, and {turn} turns were begun"));
        }
    }
    Ok(player.said)
}

struct Player<S> {
    /// The session of the turn that began last, and that turn's start.
    open: Option<(S, Start)>,
    reopen: bool,
    said: Said,
}

impl<S: Session> Player<S> {
    fn begin(&mut self, start: Start) -> Result<(), String> {
        let saved = self.open.take().map(|(session, _)| session.save());
        self.open = Some((open(start.clone(), saved)?, start));
        Ok(())
    }

    fn step(&mut self, input: Input) -> Result<(), String> {
        let Some((session, start)) = &mut self.open else {
            return Err("something happened before a prompt".to_owned());
        };
        let stepped = session.step(0, input);
        if self.reopen {
            *session = open(start.clone(), Some(session.save()))?;
        }
        match stepped {
            Ok(result) => {
                result.events.into_iter().for_each(|event| self.tell(event));
                self.said.actions.extend(result.actions);
            }
            Err(failure) => self.said.told.push(Told::Refused(failure)),
        }
        Ok(())
    }

    /// Adds an event, joined to the one before where both append to the same text.
    fn tell(&mut self, event: Event) {
        match (self.said.told.last_mut(), &event) {
            (Some(Told::Event(Event::ToolOutput(last))), Event::ToolOutput(next))
                if last.id == next.id && last.stream == next.stream =>
            {
                last.text.push_str(&next.text);
            }
            (Some(Told::Event(Event::Message(last))), Event::Message(next))
                if last.id == next.id && last.role == next.role =>
            {
                last.text.push_str(&next.text);
            }
            (Some(Told::Event(Event::Thought(last))), Event::Thought(next)) if last.id == next.id => {
                last.text.push_str(&next.text);
            }
            _ => self.said.told.push(Told::Event(event)),
        }
    }

    fn native_session(&self) -> Option<&str> {
        self.said.told.iter().rev().find_map(|told| match told {
            Told::Event(Event::Session(id)) => Some(id.as_str()),
            _ => None,
        })
    }
}

fn open<S: Session>(start: Start, saved: Option<Vec<u8>>) -> Result<S, String> {
    if let Some(length) = saved.as_ref().map(Vec::len).filter(|length| *length > MAX_SAVED) {
        return Err(format!("the session wants {length} bytes remembered, and may {MAX_SAVED}"));
    }
    S::open(start, saved).map_err(|failure| format!("the session does not open: {failure:?}"))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        TextDecoder,
        harness::{MessageRole, StepResult, Text, remember, restore},
    };

    /// Says what it reads; how well it does that differs.
    #[derive(Default, Serialize, Deserialize)]
    struct Echo<const FLAW: u8> {
        decoder: TextDecoder,
        #[serde(skip)]
        forgotten: u32,
    }

    /// Decodes each piece by itself.
    const SPLITS_CHARACTERS: u8 = 1;
    /// Counts in a field that is not saved.
    const FORGETS: u8 = 2;

    impl<const FLAW: u8> Session for Echo<FLAW> {
        fn open(_start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure> {
            restore(saved)
        }

        fn step(&mut self, _now_ms: u64, input: Input) -> Result<StepResult, Failure> {
            let Input::Frames(frames) = input else { return Ok(StepResult::nothing()) };
            let mut events = Vec::new();
            for frame in frames {
                let text = match FLAW {
                    SPLITS_CHARACTERS => String::from_utf8_lossy(&frame.bytes).into_owned(),
                    _ => self.decoder.push(&frame.bytes),
                };
                self.forgotten += 1;
                let id = if FLAW == FORGETS { self.forgotten.to_string() } else { "1".to_owned() };
                events.push(Event::Message(Text { id, role: MessageRole::Agent, parent: None, text }));
            }
            Ok(StepResult::events(events))
        }

        fn save(&self) -> Vec<u8> {
            remember(self)
        }
    }

    const STEPS: [Step; 3] = [Step::Prompt("say"), Step::Stdout("grüß".as_bytes()), Step::Stdout(" dich".as_bytes())];

    #[test]
    fn increments_of_one_text_are_joined() {
        let events = replay::<Echo<0>>(&STEPS);
        assert!(matches!(&events[..], [Event::Message(text)] if text.text == "grüß dich"), "{events:?}");
    }

    #[test]
    #[should_panic(expected = "says something else when its output is cut")]
    fn a_session_that_splits_characters_is_found_out() {
        replay::<Echo<SPLITS_CHARACTERS>>(&STEPS);
    }

    #[test]
    #[should_panic(expected = "opened anew")]
    fn a_session_that_forgets_is_found_out() {
        replay::<Echo<FORGETS>>(&[Step::Prompt("say"), Step::Stdout(b"a"), Step::Stdout(b"b")]);
    }

    /// Ends more turns than were begun, wants too much remembered, or refuses.
    struct Unruly<const FLAW: u8>;

    impl<const FLAW: u8> Session for Unruly<FLAW> {
        fn open(_start: Start, _saved: Option<Vec<u8>>) -> Result<Self, Failure> {
            Ok(Self)
        }

        fn step(&mut self, _now_ms: u64, _input: Input) -> Result<StepResult, Failure> {
            use crate::harness::{Outcome, TurnEnd};

            let end = Event::TurnEnd(TurnEnd { outcome: Outcome::Completed, reason: "over".to_owned() });
            match FLAW {
                0 => Ok(StepResult::events(vec![end.clone(), end])),
                1 => Ok(StepResult::nothing()),
                _ => Err(crate::failure!(Plugin, "no", "no")),
            }
        }

        fn save(&self) -> Vec<u8> {
            vec![b' '; if FLAW == 1 { MAX_SAVED + 1 } else { 0 }]
        }
    }

    #[test]
    #[should_panic(expected = "2 ends of a turn were told, and 1 turns were begun")]
    fn a_turn_that_ends_twice_is_found_out() {
        replay::<Unruly<0>>(&[Step::Prompt("go")]);
    }

    #[test]
    #[should_panic(expected = "wants 65537 bytes remembered")]
    fn a_session_that_remembers_too_much_is_found_out() {
        replay::<Unruly<1>>(&[Step::Prompt("go")]);
    }

    #[test]
    #[should_panic(expected = "refused an input")]
    fn a_refused_input_is_told() {
        replay::<Unruly<2>>(&[Step::Prompt("go")]);
    }
}
