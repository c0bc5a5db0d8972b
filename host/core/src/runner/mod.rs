//! The one path by which a mission's messages become turns.
//!
//! Each mission that has something to do has one runner, a task of its own. The store is the truth: a runner can be
//! lost at any moment with the server and begun anew from what is stored.

mod batch;
mod belongings;
mod driver;
mod framing;
mod handover;
mod hear;
mod held;
mod home;
mod journal;
mod launch;
mod output_limit;
mod recover;
mod redact;
mod saved;
mod settle;
mod spool;
mod translate;
mod turn;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sandboxed_model::{
    Failure, MessageId, MissionId, RunId,
    attachment::Prompt,
    event::{EventBody, Message, MessageRole, StateChange, TurnStarted},
    mission::{Mission, Parked},
    queue::QueuedMessage,
    state::MissionState,
};
use sandboxed_store::{MissionChange, QueueChange};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

pub(crate) use framing::Framer;
pub(crate) use hear::told;
pub(crate) use journal::{Beginning, Printed, Told, What};
pub(crate) use spool::PIECE;
pub(crate) use translate::Translator;

use crate::{Error, Result, admission::Place, services::Services};

/// How long a runner waits before it tries again what the store refused.
const RETRY: Duration = Duration::from_secs(2);

/// What a runner can be told.
#[derive(Debug)]
pub(crate) enum Control {
    /// There may be something to do.
    Wake,
    /// End the turn that is under way, early.
    Interrupt,
    /// End the turn and the mission with it: it has failed, by this.
    Fail(Failure),
    /// End the turn, early; the mission waits, and the turn is to be begun again.
    Park(Parked, Failure),
    /// End the mission; answered when none of its processes is left.
    Cancel(oneshot::Sender<()>),
}

/// The runners of all missions.
#[derive(Default)]
pub(crate) struct Runners {
    controls: Mutex<HashMap<MissionId, mpsc::Sender<Control>>>,
    tasks: TaskTracker,
}

impl Runners {
    /// Waits until all runners have stopped.
    pub(crate) async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Whether no mission is worked on.
    pub(crate) fn is_idle(&self) -> bool {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn sender(&self, mission: MissionId) -> Option<mpsc::Sender<Control>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner).get(&mission).cloned()
    }
}

impl Services {
    /// Sees to it that a mission with something to do is worked on.
    pub(crate) fn wake(self: &Arc<Self>, mission: MissionId) {
        if *self.stop.borrow() {
            return;
        }
        let mut controls = self.runners.controls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runner) = controls.get(&mission) {
            // A full channel holds a wake-up already.
            let _ = runner.try_send(Control::Wake);
            return;
        }
        let (sender, receiver) = mpsc::channel(16);
        controls.insert(mission, sender);
        let runner = Runner { services: Arc::clone(self), mission, controls: receiver };
        let span = tracing::info_span!("mission", mission = %mission);
        self.runners.tasks.spawn(runner.run().instrument(span));
    }

    /// Asks a mission's turn to end early. False when no turn is under way.
    pub(crate) async fn interrupt(&self, mission: MissionId) -> bool {
        match self.runners.sender(mission) {
            Some(runner) => runner.send(Control::Interrupt).await.is_ok(),
            None => false,
        }
    }

    /// Ends a mission's turn, and the mission as failed. Without a turn nothing happens.
    pub(crate) async fn fail(&self, mission: MissionId, failure: Failure) {
        if let Some(runner) = self.runners.sender(mission) {
            // One that is gone has nothing to end.
            let _ = runner.send(Control::Fail(failure)).await;
        }
    }

    /// Ends a mission's turn and parks the mission. Without a turn nothing happens.
    pub(crate) async fn park(&self, mission: MissionId, parked: Parked, why: Failure) {
        if let Some(runner) = self.runners.sender(mission) {
            let _ = runner.send(Control::Park(parked, why)).await;
        }
    }

    /// Ends a mission's runner and its processes. False when there is no runner.
    pub(crate) async fn cancel(&self, mission: MissionId) -> bool {
        let Some(runner) = self.runners.sender(mission) else { return false };
        let (done, cancelled) = oneshot::channel();
        runner.send(Control::Cancel(done)).await.is_ok() && cancelled.await.is_ok()
    }
}

/// The task of one mission.
struct Runner {
    services: Arc<Services>,
    mission: MissionId,
    controls: mpsc::Receiver<Control>,
}

/// How a turn came to its end.
enum TurnEnd {
    /// The turn is stored as ended.
    Settled,
    /// The mission was cancelled; whoever asked waits for this answer.
    Cancelled(oneshot::Sender<()>),
    /// The server stops; the process goes on and the turn is taken up at the next start.
    Left,
}

impl Runner {
    async fn run(mut self) {
        loop {
            match self.next().await {
                Ok(true) => {}
                Ok(false) => {
                    if self.retire() {
                        return;
                    }
                }
                // The mission was deleted.
                Err(Error::NotFound { .. }) => return self.retire_at_once(),
                Err(error) => {
                    // The store is not available: the disk is full, say. What is stored still says what is to be done,
                    // and a process that runs goes on meanwhile.
                    tracing::error!(%error, "the mission cannot go on for now");
                    let _ = tokio::time::timeout(RETRY, self.controls.recv()).await;
                }
            }
        }
    }

    /// Does the next thing; false when there is nothing to do.
    async fn next(&mut self) -> Result<bool> {
        if *self.services.stop.borrow() {
            return Ok(false);
        }
        let mission = self.services.mission(self.mission).await?;
        let end = match mission.state {
            MissionState::Queued => {
                let Some(place) = self.admitted(&mission).await? else { return Ok(true) };
                self.begin_turn(place).await?
            }
            MissionState::Running | MissionState::AwaitingApproval => {
                let place = self.services.admission.place_for_running(mission.workspace);
                self.take_up_turn(mission, place).await?
            }
            _ => return Ok(heard_at_rest(&mut self.controls)),
        };
        if let Some(TurnEnd::Cancelled(done)) = end {
            let _ = done.send(());
        }
        Ok(true)
    }

    /// Waits for a place; none when something else came first.
    async fn admitted(&mut self, mission: &Mission) -> Result<Option<Place>> {
        let services = Arc::clone(&self.services);
        let mut stopping = services.stopping();
        let admitted = async {
            // A turn that waits for its workspace to be built keeps nobody else from running.
            match services.built(mission.workspace).await {
                // That it is gone is told when the turn is launched.
                Ok(_) | Err(Error::NotFound { .. }) => Ok(services.admission.place(mission.workspace).await),
                Err(error) => Err(error),
            }
        };
        let mut place = std::pin::pin!(admitted);
        loop {
            tokio::select! {
                place = &mut place => return place.map(Some),
                () = stopping.wait() => return Ok(None),
                control = self.controls.recv() => match control {
                    Some(Control::Cancel(done)) => {
                        self.transition(MissionState::Cancelled, "cancelled before its turn").await?;
                        let _ = done.send(());
                        return Ok(None);
                    }
                    // Nothing runs that could be interrupted, and the queue is read when the place is there.
                    Some(Control::Interrupt | Control::Wake | Control::Fail(_) | Control::Park(..)) => {}
                    None => return Ok(None),
                },
            }
        }
    }

    /// Takes the first message from the queue and works on it.
    async fn begin_turn(&mut self, place: Place) -> Result<Option<TurnEnd>> {
        let run = RunId::new();
        let Some(QueuedMessage { id, text, attachments, .. }) =
            self.services.store.queue(self.mission).await?.into_iter().next()
        else {
            self.transition(MissionState::AwaitingUser, "there is no message to work on").await?;
            return Ok(None);
        };
        let prompt = Prompt { text, attachments };
        let committed = self
            .services
            .update(self.mission, |mission| {
                if mission.state != MissionState::Queued {
                    return Err(Error::Conflict {
                        code: "mission.not_queued",
                        message: format!("the mission is {} by now", mission.state),
                    });
                }
                Ok(MissionChange {
                    events: vec![
                        state(mission.state, MissionState::Running, "its turn has come"),
                        EventBody::TurnStarted(TurnStarted { message: id }),
                        user_message(id, prompt.clone()),
                    ],
                    queue: vec![QueueChange::Take(id)],
                    problem: Some(None),
                    ..MissionChange::default()
                })
            })
            .await;
        let mission = match committed {
            Ok(committed) => committed.mission,
            // Edited, removed or cancelled in this very moment: look again.
            Err(Error::Conflict { .. } | Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(self.work(mission, run, prompt, place).await?))
    }

    async fn transition(&self, to: MissionState, cause: &str) -> Result<()> {
        self.services
            .update(self.mission, |mission| {
                Ok(MissionChange { events: vec![state(mission.state, to, cause)], ..MissionChange::default() })
            })
            .await?;
        Ok(())
    }

    /// Ends the task unless somebody wants something in this very moment.
    fn retire(&mut self) -> bool {
        let mut controls = self.services.runners.controls.lock().unwrap_or_else(PoisonError::into_inner);
        // While the lock is held no control can be sent that this look does not see, apart from senders that were
        // cloned before: they find the channel closed and say so to their caller.
        if self.controls.is_empty() || *self.services.stop.borrow() {
            controls.remove(&self.mission);
            self.controls.close();
            return true;
        }
        false
    }

    fn retire_at_once(&mut self) {
        let mut controls = self.services.runners.controls.lock().unwrap_or_else(PoisonError::into_inner);
        controls.remove(&self.mission);
        self.controls.close();
    }
}

/// Answers what is asked of a mission that waits and so has nothing to end. True when the mission is to be looked at
/// again: a wake-up may have come after it was read, about a message that this look did not see.
fn heard_at_rest(controls: &mut mpsc::Receiver<Control>) -> bool {
    let mut again = false;
    while let Ok(control) = controls.try_recv() {
        match control {
            Control::Cancel(done) => {
                let _ = done.send(());
            }
            Control::Wake => again = true,
            Control::Interrupt | Control::Fail(_) | Control::Park(..) => {}
        }
    }
    again
}

/// The event of a change of state.
pub(crate) fn state(from: MissionState, to: MissionState, cause: &str) -> EventBody {
    EventBody::State(StateChange { from: Some(from), to, cause: cause.to_owned() })
}

fn user_message(id: MessageId, Prompt { text, attachments }: Prompt) -> EventBody {
    EventBody::Message(Message { id: id.to_string(), role: MessageRole::User, parent: None, text, attachments })
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::{Control, heard_at_rest};

    #[test]
    fn a_wake_up_that_comes_while_a_mission_goes_to_rest_is_not_lost() {
        let (sender, mut controls) = mpsc::channel(4);
        sender.try_send(Control::Wake).unwrap();
        sender.try_send(Control::Interrupt).unwrap();

        assert!(heard_at_rest(&mut controls));
        assert!(!heard_at_rest(&mut controls), "it is heard once");
    }

    #[test]
    fn whoever_cancels_a_mission_at_rest_is_answered_and_nothing_is_looked_at_again() {
        let (sender, mut controls) = mpsc::channel(4);
        let (done, mut cancelled) = oneshot::channel();
        sender.try_send(Control::Cancel(done)).unwrap();

        assert!(!heard_at_rest(&mut controls));
        assert_eq!(cancelled.try_recv(), Ok(()));
    }
}
