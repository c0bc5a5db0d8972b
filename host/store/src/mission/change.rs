//! The one way to change a mission: events and all that belongs to them, together or not at all.

use sandboxed_model::{
    Failure, MissionId, Seq, Timestamp,
    event::{Event, EventBody, MessageRole, Usage},
    harness::Action,
    mission::{MissionEdit, Parked},
    state::MissionState,
};

use super::{Committed, row::MissionRow};
use crate::{
    Store,
    action::{self, ActionId},
    ask::{self, AskChange},
    error::{Error, Result},
    event,
    input::{self, ToldInputs},
    queue::{self, QueueChange},
    run::{self, RunChange},
    search::IndexEntry,
    writer::Write,
};

/// What happens to a mission in one step. Everything in it is kept together or not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MissionChange {
    /// What happened, in order. The mission's state, turn, usage and session follow from it.
    pub events: Vec<EventBody>,
    /// What a person changes of the mission.
    pub edit: MissionEdit,
    /// The agent's own session is lost: the next turn begins another.
    pub forget_session: bool,
    /// What happened to what the agent asks, in order.
    pub asks: Vec<AskChange>,
    /// `Some(None)` takes the problem away.
    pub problem: Option<Option<Failure>>,
    /// What the mission waits for that is parked by this change. When it is parked no more, it waits for nothing.
    pub parked: Option<Parked>,
    /// Whether the turn's process has printed nothing for too long.
    pub stalled: Option<bool>,
    /// When the process last printed something.
    pub last_output_at: Option<Timestamp>,
    /// Changes of the queue, in order.
    pub queue: Vec<QueueChange>,
    /// What happened to a run.
    pub run: Option<RunChange>,
    /// What the driver of a run was told.
    pub inputs: ToldInputs,
    /// What the harness's session must remember.
    pub session_state: Option<Vec<u8>>,
    /// Actions that are to be done after this commit. They stay pending until `actions_done` names them.
    pub plan_actions: Vec<Action>,
    /// Actions that have been done. Naming one that is not pending changes nothing.
    pub actions_done: Vec<ActionId>,
}

impl Store {
    /// Changes a mission.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] where a `State` event does not start from the present state or goes where that
    /// state may not go; [`Error::NotFound`] for a mission, message or run that is not there; [`Error::Conflict`] for
    /// a queue order that does not name the present messages, or a second live run; [`Error::QueueFull`]. With any
    /// error nothing of the change is kept.
    pub async fn commit(&self, mission: MissionId, change: MissionChange) -> Result<Committed> {
        self.write(move |write| apply(write, mission, change)).await
    }
}

fn apply(write: &mut Write<'_>, id: MissionId, change: MissionChange) -> Result<Committed> {
    let mut row = MissionRow::load(write.conn, id)?;
    let before = row.clone();
    let events = append(write, &mut row, change.events)?;
    edit(&mut row, change.edit);
    if change.forget_session {
        row.native_session = None;
    }
    if !change.asks.is_empty() {
        row.mission.open_asks = ask::apply(write.conn, row.key, change.asks)?;
    }
    if let Some(problem) = change.problem {
        row.mission.problem = problem;
    }
    row.mission.parked = match row.mission.state {
        MissionState::Parked => change.parked.or(row.mission.parked.take()),
        _ => None,
    };
    if let Some(stalled) = change.stalled {
        row.mission.stalled = stalled;
    }
    if let Some(at) = change.last_output_at {
        row.mission.last_output_at = Some(at);
    }
    if !change.queue.is_empty() {
        row.mission.queued_messages = queue::apply(write.conn, row.key, change.queue)?;
    }
    if let Some(run) = change.run {
        run::apply(write.conn, row.key, id, run)?;
    }
    input::add(write.conn, change.inputs)?;
    if let Some(state) = change.session_state {
        run::save_session(write.conn, row.key, &state)?;
    }
    let actions = action::plan(write.conn, row.key, &mut row.last_action, change.plan_actions)?;
    action::done(write.conn, row.key, &change.actions_done)?;
    if row.mission != before.mission {
        row.mission.revision = write.next_revision();
        row.mission.updated_at = row.mission.updated_at.max(write.now);
    }
    if row.mission.title != before.mission.title {
        write.index.push(IndexEntry::of_title(row.key, &row.mission.title));
    }
    row.update(write.conn)?;
    Ok(Committed { mission: row.mission, events, actions })
}

fn edit(row: &mut MissionRow, edit: MissionEdit) {
    let mission = &mut row.mission;
    let MissionEdit { title, model, effort, approvals, mode } = edit;
    if let Some(title) = title {
        mission.title = title;
    }
    if let Some(model) = model {
        mission.model = model;
    }
    if let Some(effort) = effort {
        mission.effort = effort;
    }
    mission.approvals = approvals.unwrap_or(mission.approvals);
    mission.mode = mode.unwrap_or(mission.mode);
}

/// Appends events to the log and folds them into the row.
pub(super) fn append(write: &mut Write<'_>, row: &mut MissionRow, bodies: Vec<EventBody>) -> Result<Vec<Event>> {
    let last = row.mission.last_seq.0.saturating_add(u64::try_from(bodies.len()).unwrap_or(u64::MAX));
    if last > event::MAX_SEQ {
        return Err(Error::conflict("mission.log_full", "the mission's log holds as many events as it can"));
    }
    // A clock that was set back does not turn a mission's log around.
    let at = row.mission.updated_at.max(write.now);
    let mut events = Vec::with_capacity(bodies.len());
    for body in bodies {
        fold(row, &body)?;
        let seq: Seq = row.mission.last_seq.next();
        row.mission.last_seq = seq;
        let event = Event { mission: row.mission.id, seq, at, turn: row.mission.turns, body };
        event::insert(write.conn, row.key, &event)?;
        write.index.extend(IndexEntry::of_event(row.key, &event));
        events.push(event);
    }
    write.events += u64::try_from(events.len()).unwrap_or(u64::MAX);
    Ok(events)
}

fn fold(row: &mut MissionRow, body: &EventBody) -> Result<()> {
    let mission = &mut row.mission;
    match body {
        EventBody::State(change) => {
            // Before its first event a mission is in no state.
            let present = (mission.last_seq > Seq::ZERO).then_some(mission.state);
            let legal = match present {
                Some(present) => present.may_become(change.to),
                None => change.to == MissionState::Queued,
            };
            if change.from != present || !legal {
                let from = present.map_or("none", MissionState::as_str);
                return Err(Error::IllegalTransition { from, to: change.to });
            }
            mission.state = change.to;
        }
        EventBody::TurnStarted(_) => {
            mission.turns = mission.turns.saturating_add(1);
            row.prompt_seq = None;
        }
        EventBody::TurnEnded(end) => mission.last_outcome = Some(end.outcome),
        EventBody::Usage(usage) => add_usage(&mut mission.usage, usage),
        EventBody::Message(message) if message.role == MessageRole::User => {
            // The event is about to take the next place. What is said in the middle of the turn is not what it began with.
            row.prompt_seq.get_or_insert(mission.last_seq.next());
        }
        EventBody::Session(session) => row.native_session = Some(session.id.clone()),
        _ => {}
    }
    Ok(())
}

/// Sums are kept below what SQL can hold, whatever an agent says that it used. What it reported is in the sum already
/// when the gateway tells what was used in its place.
fn add_usage(sum: &mut Usage, part: &Usage) {
    if let Some(reported) = &part.reported {
        sum.input = sum.input.saturating_sub(reported.input);
        sum.output = sum.output.saturating_sub(reported.output);
        sum.cache_read = sum.cache_read.saturating_sub(reported.cache_read);
        sum.cache_write = sum.cache_write.saturating_sub(reported.cache_write);
        sum.reasoning = sum.reasoning.saturating_sub(reported.reasoning);
        let cost = sum.cost_micro_usd.map(|cost| cost.saturating_sub(reported.cost_micro_usd.unwrap_or_default()));
        // What is left of nothing is unknown and not zero.
        sum.cost_micro_usd = cost.filter(|&cost| cost > 0);
    }
    let add = |sum: &mut u64, part: u64| *sum = sum.saturating_add(part).min(i64::MAX.unsigned_abs());
    add(&mut sum.input, part.input);
    add(&mut sum.output, part.output);
    add(&mut sum.cache_read, part.cache_read);
    add(&mut sum.cache_write, part.cache_write);
    add(&mut sum.reasoning, part.reasoning);
    if let Some(cost) = part.cost_micro_usd {
        add(sum.cost_micro_usd.get_or_insert(0), cost);
    }
    if part.model.is_some() {
        sum.model.clone_from(&part.model);
    }
}
