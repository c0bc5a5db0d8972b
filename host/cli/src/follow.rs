//! Showing a mission as it goes, and being interrupted while doing so.

use std::io::{self, Write};

use futures_util::StreamExt as _;
use sandboxed_model::{
    MissionId, Seq, Timestamp,
    event::{Event, EventBody},
    state::MissionState,
};

use crate::{
    client::Client,
    failed::{Failed, Result},
    output::{self, Style, Terminal, Transcript, paint_stderr, safe},
};

/// How events are shown.
pub(crate) enum Show {
    /// As the server gave them, one a line.
    Json,
    /// For a person.
    Text(Transcript),
}

impl Show {
    /// One turn that this command began.
    pub(crate) fn run(json: bool) -> Self {
        if json { Self::Json } else { Self::Text(Transcript::of_run(Terminal::of_stdout())) }
    }

    /// A mission with all its turns.
    pub(crate) fn whole(json: bool) -> Self {
        if json { Self::Json } else { Self::Text(Transcript::whole(Terminal::of_stdout())) }
    }

    /// Writes an event.
    pub(crate) fn event(&mut self, json: &str, event: &Event) -> Result<()> {
        let text = match self {
            Self::Json => format!("{json}\n"),
            Self::Text(transcript) => transcript.render(event),
        };
        write(&text)
    }

    /// Ends the present line.
    pub(crate) fn finish(&mut self) -> Result<()> {
        match self {
            Self::Json => Ok(()),
            Self::Text(transcript) => write(transcript.finish()),
        }
    }
}

fn write(text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// How far a mission is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// To its end, or to where only a person can go on.
    Settled,
    /// To the end of this turn.
    TurnEnded(u32),
    /// To its end.
    Ended,
}

/// What was seen of a mission.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The last state.
    pub(crate) state: Option<MissionState>,
    /// How the last turn ended, in one sentence.
    pub(crate) reason: Option<String>,
    /// The last event.
    pub(crate) last: Seq,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
    turn_ended: u32,
    /// What lies before this was over when following began.
    known: Seq,
}

impl Seen {
    /// Of a mission whose events up to `last` are known to the reader, and which has events up to `known`.
    pub(crate) fn after(last: Seq, known: Seq) -> Self {
        Self { last, known, ..Self::default() }
    }

    fn note(&mut self, event: &Event) {
        self.first_at.get_or_insert(event.at);
        self.last_at = Some(event.at);
        self.last = event.seq;
        match &event.body {
            EventBody::State(change) => self.state = Some(change.to),
            EventBody::TurnEnded(end) => {
                self.turn_ended = event.turn;
                self.reason = Some(end.reason.clone());
            }
            _ => {}
        }
    }

    /// Whether that much was seen.
    pub(crate) fn enough(&self, until: Until) -> bool {
        let Some(state) = self.state.filter(|_| self.last >= self.known) else { return false };
        match until {
            Until::Ended => state.has_ended(),
            Until::Settled => {
                state.has_ended() || matches!(state, MissionState::Interrupted | MissionState::AwaitingUser)
            }
            // The end of the turn and the state after it are one commit; what comes after is the next turn's.
            Until::TurnEnded(turn) => (self.turn_ended >= turn && !state.is_active()) || state.has_ended(),
        }
    }

    /// The line that closes a mission: `mission … done in 1.2 s: exit code 0`.
    pub(crate) fn closing_line(&self, mission: MissionId, state: MissionState) -> String {
        let millis = match (self.first_at, self.last_at) {
            (Some(first), Some(last)) => last.as_millis().saturating_sub(first.as_millis()),
            _ => 0,
        };
        let style = match state {
            MissionState::Done => Style::Good,
            MissionState::Failed => Style::Error,
            _ => Style::Warning,
        };
        let word = state.as_str().replace('_', " ");
        let reason = self.reason.as_deref().filter(|reason| *reason != word);
        let reason = reason.map(|reason| format!(": {}", safe(reason))).unwrap_or_default();
        let seconds = millis as f64 / 1000.0;
        format!("mission {mission} {} in {seconds:.1} s{reason}", paint_stderr(style, &word))
    }
}

/// What Ctrl-C does while a mission is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnInterrupt {
    /// The mission is cancelled; a second one ends the program at once.
    CancelMission,
    /// Following ends; the mission goes on.
    Leave,
}

/// Shows a mission from `seen.last` on, and notes what was seen.
pub(crate) async fn follow(
    client: &Client,
    mission: MissionId,
    until: Until,
    on_interrupt: OnInterrupt,
    show: &mut Show,
    seen: &mut Seen,
) -> Result<()> {
    let mut events = client.follow(mission, seen.last).await?;
    let mut interrupts = Interrupts::listen()?;
    let mut cancelling = None;
    loop {
        let next = tokio::select! {
            next = events.next() => next,
            () = interrupts.next() => match (on_interrupt, &cancelling) {
                (OnInterrupt::Leave, _) => return show.finish(),
                (OnInterrupt::CancelMission, None) => {
                    show.finish()?;
                    output::remark("cancelling the mission; once more to leave at once");
                    cancelling = Some(Box::pin(client.cancel_mission(mission)));
                    continue;
                }
                (OnInterrupt::CancelMission, Some(_)) => {
                    return Err(Failed::new(format!("left before mission {mission} was cancelled"))
                        .hint(format!("`sandboxed-sh missions cancel {mission}` ends it")));
                }
            },
            result = async { cancelling.as_mut().expect("the branch is off without it").await }, if cancelling.is_some() => {
                cancelling = None;
                result?;
                continue;
            }
        };
        let Some(followed) = next.transpose()? else {
            show.finish()?;
            return Err(Failed::unavailable(format!("the server ended while mission {mission} was under way")).hint(
                format!("the mission goes on when the server is back: `sandboxed-sh missions follow {mission}`"),
            ));
        };
        seen.note(&followed.event);
        if let Err(failed) = show.event(&followed.json, &followed.event) {
            // Nobody reads any more. A server of its own would end with this command, and so the mission does.
            if on_interrupt == OnInterrupt::CancelMission && client.is_embedded() {
                client.cancel_mission(mission).await?;
            }
            return Err(failed);
        }
        if seen.enough(until) {
            return show.finish();
        }
    }
}

/// Ctrl-C and requests to end.
pub(crate) struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interrupts {
    pub(crate) fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error: io::Error| Failed::new(format!("signals cannot be received: {error}"));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
