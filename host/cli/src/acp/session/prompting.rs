//! Prompts: messages of the mission, each answered when the turn is over that it began.

use std::path::Path;

use sandboxed_model::{
    MessageId, Seq,
    backend::WorkspacePhase,
    event::TurnEnded,
    harness::TurnOutcome,
    mission::{Mission, NewMission},
    state::MissionState,
    workspace::NewWorkspace,
};
use serde_json::{Value, json};

use super::Session;
use crate::{
    acp::{
        protocol::{StopReason, Update},
        wire::{RequestId, RpcError},
    },
    command::run,
};

/// A prompt that is not answered yet.
pub(super) struct Waiting {
    pub(super) request: RequestId,
    begins: Begins,
    /// The turn that it began, once that has begun.
    turn: Option<u32>,
    /// What lies before this was so before the prompt came.
    since: Seq,
    cancelled: bool,
}

/// How the turn of a prompt is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// It is the mission's first.
    Mission,
    /// It begins with this message.
    Message(MessageId),
    /// It had begun before: the prompt answers a question of the agent's.
    Before,
}

impl Waiting {
    /// A prompt that lets a turn go on.
    pub(super) fn for_turn(request: RequestId, turn: u32, since: Seq) -> Self {
        Self { request, begins: Begins::Before, turn: Some(turn), since, cancelled: false }
    }

    pub(super) fn is_of(&self, request: &RequestId) -> bool {
        self.request == *request
    }

    /// Whether its turn is under way.
    pub(super) fn has_begun(&self) -> bool {
        self.turn.is_some()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled
    }
}

impl Session {
    /// A prompt: a message, or the answer to what the agent asked.
    pub(super) async fn prompt(&mut self, request: RequestId, message: String) {
        let Some((request, message)) = self.speak(request, message).await else { return };
        match self.send(message).await {
            Ok((begins, since)) => {
                self.prompts.push_back(Waiting { request, begins, turn: None, since, cancelled: false });
                self.follow().await;
            }
            Err(error) => self.face.wire.refuse(Some(request), error).await,
        }
    }

    async fn send(&mut self, message: String) -> Result<(Begins, Seq), RpcError> {
        if let Some(directory) = self.unmade.clone() {
            self.make(&directory, message).await?;
            self.unmade = None;
            return Ok((Begins::Mission, Seq::ZERO));
        }
        let id = self.id;
        let server = self.face.server().await?;
        let before = server.patiently(async |server| server.mission(id).await).await?;
        // The server does what bears this key once, however often it hears of it.
        let key = MessageId::new().to_string();
        let sent = async |server: &crate::client::Client| server.send_message_once(id, message.clone(), &key).await;
        let queued = server.patiently(sent).await?;
        self.face.works_on(id);
        self.state = Some(MissionState::Queued);
        Ok((Begins::Message(queued.id), before.last_seq))
    }

    async fn make(&mut self, directory: &Path, prompt: String) -> Result<(), RpcError> {
        let face = std::sync::Arc::clone(&self.face);
        let (server, wanted, id) = (face.server().await?, &face.wanted, self.id);
        let name = face.workspace(directory);
        let new = NewWorkspace {
            name: Some(name.clone()),
            backend: wanted.backend.clone(),
            template: wanted.template.clone(),
            ..NewWorkspace::default()
        };
        let workspace = server.patiently(async |server| run::workspace(server, &name, new.clone()).await).await?;
        let new = NewMission {
            id: Some(id),
            prompt,
            attachments: Vec::new(),
            title: None,
            harness: self.harness.as_ref().map(|info| info.id.clone()),
            workspace: Some(workspace),
            model: self.settings.model.clone(),
            effort: self.settings.effort.clone(),
            approvals: self.settings.approvals,
            mode: self.settings.mode,
            settings: wanted.settings.clone().map_or_else(|| json!({}), Value::Object),
            one_shot: false,
            worktree: wanted.worktree,
        };
        let make = async |server: &crate::client::Client| match server.create_mission(new.clone()).await {
            // It was heard the first time, and its answer was not.
            Err(failed) if failed.is("mission.exists") => server.mission(id).await,
            made => made,
        };
        let made = server.patiently(make).await?;
        face.works_on(id);
        self.state = Some(MissionState::Queued);
        self.tell_title(&made).await;
        let found = server.patiently(async |server| server.workspace(&workspace.to_string()).await).await?;
        if found.phase == WorkspacePhase::Building {
            let remark = self.teller.remark("info", format!("the workspace {} is being made", found.name));
            self.tell([remark]).await;
        }
        Ok(())
    }

    /// Tells the mission's title where it is news.
    pub(super) async fn tell_title(&mut self, mission: &Mission) {
        if self.title.as_ref() != Some(&mission.title) {
            self.title = Some(mission.title.clone());
            let (title, updated_at) = (mission.title.clone(), mission.updated_at.to_string());
            self.tell([Update::SessionInfoUpdate { title, updated_at }]).await;
        }
    }

    /// A turn begins.
    pub(super) async fn turn_started(&mut self, turn: u32, message: MessageId) {
        self.turn = turn;
        let is_it = |prompt: &&mut Waiting| match prompt.begins {
            Begins::Mission => turn == 1,
            Begins::Message(begins) => begins == message,
            Begins::Before => false,
        };
        let Some(prompt) = self.prompts.iter_mut().find(is_it) else { return };
        prompt.turn = Some(turn);
        let is_cancelled = prompt.cancelled;
        self.teller.knows_message(message.to_string());
        if is_cancelled {
            self.interrupt().await;
        }
    }

    /// A turn is over, and so are the prompts that wait for it.
    pub(super) async fn turn_ended(&mut self, turn: u32, end: &TurnEnded) {
        let (ended, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.prompts).into_iter().partition(|prompt| prompt.turn == Some(turn));
        self.prompts = waiting.into();
        if ended.is_empty() {
            let told = self.teller.tell_end(end.outcome, &end.reason);
            return self.tell(told).await;
        }
        let problem = self.teller.take_problem();
        for prompt in ended {
            let stop = match (end.outcome, &problem) {
                _ if prompt.cancelled => StopReason::Cancelled,
                (TurnOutcome::Interrupted, _) => StopReason::Cancelled,
                (TurnOutcome::Completed, _) => StopReason::EndTurn,
                (TurnOutcome::Failed, Some(failure)) => match failure.code.as_str() {
                    "agent.context_full" => StopReason::MaxTokens,
                    "agent.limit_reached" => StopReason::MaxTurnRequests,
                    code => {
                        let error = RpcError::failure(code, &failure.to_string(), failure.hint.as_deref());
                        self.face.wire.refuse(Some(prompt.request), error).await;
                        continue;
                    }
                },
                (TurnOutcome::Failed, None) => {
                    let error = RpcError::failure("mission.turn_failed", &end.reason, None);
                    self.face.wire.refuse(Some(prompt.request), error).await;
                    continue;
                }
            };
            if let (StopReason::MaxTokens | StopReason::MaxTurnRequests, Some(failure)) = (stop, &problem) {
                let remark = self.teller.remark("error", failure.to_string());
                self.tell([remark]).await;
            }
            self.stopped(prompt, stop).await;
        }
    }

    /// The mission is in another state: prompts whose turns will not come are answered.
    pub(super) async fn state_changed(&mut self, seq: Seq, state: MissionState) {
        let rests = !state.is_active() && state != MissionState::Queued;
        if !rests || self.prompts.iter().all(|prompt| seq <= prompt.since) {
            return;
        }
        let Ok((mission, queue)) = self.look().await else { return };
        // The log may be behind the mission.
        if mission.state != state {
            return;
        }
        for prompt in std::mem::take(&mut self.prompts) {
            let waits = match prompt.begins {
                Begins::Mission => !queue.is_empty(),
                Begins::Message(message) => queue.contains(&message),
                Begins::Before => false,
            };
            if seq <= prompt.since || (waits && state == MissionState::AwaitingUser) {
                self.prompts.push_back(prompt);
                continue;
            }
            match &mission.problem {
                Some(failure) if state != MissionState::Cancelled => {
                    let error = RpcError::failure(&failure.code, &failure.to_string(), failure.hint.as_deref());
                    self.face.wire.refuse(Some(prompt.request), error).await;
                }
                // Somebody has taken the message back, or ended the mission.
                _ => self.stopped(prompt, StopReason::Cancelled).await,
            }
        }
    }

    async fn look(&self) -> Result<(Mission, Vec<MessageId>), RpcError> {
        let id = self.id;
        let server = self.face.server().await?;
        let mission = server.patiently(async |server| server.mission(id).await).await?;
        let queue = server.patiently(async |server| server.queue(id).await).await?;
        Ok((mission, queue.into_iter().map(|message| message.id).collect()))
    }

    /// Takes back what waits, and interrupts what is under way.
    pub(super) async fn cancel(&mut self) {
        if self.unmade.is_some() {
            return;
        }
        self.asks.forget_spoken();
        let queue = if self.prompts.iter().all(Waiting::has_begun) {
            Vec::new()
        } else {
            self.look().await.map(|(_, queue)| queue).unwrap_or_default()
        };
        for mut prompt in std::mem::take(&mut self.prompts) {
            let queued = match prompt.begins {
                Begins::Mission => queue.first().copied(),
                Begins::Message(message) => queue.contains(&message).then_some(message),
                Begins::Before => None,
            };
            if !prompt.has_begun() && self.take_back(queued).await {
                self.stopped(prompt, StopReason::Cancelled).await;
            } else {
                prompt.cancelled = true;
                self.prompts.push_back(prompt);
            }
        }
        if !self.prompts.is_empty() || self.state.is_some_and(MissionState::is_active) {
            self.interrupt().await;
        }
    }

    async fn take_back(&self, message: Option<MessageId>) -> bool {
        let (id, Some(message), Ok(server)) = (self.id, message, self.face.server().await) else { return false };
        server.patiently(async |server| server.remove_queued(id, message).await).await.is_ok()
    }

    async fn interrupt(&self) {
        let (id, Ok(server)) = (self.id, self.face.server().await) else { return };
        // Where no turn is under way by now there is nothing to interrupt.
        let _ = server.patiently(async |server| server.interrupt_mission(id).await).await;
    }

    /// Answers the prompts whose turn is under way: what comes next is the person's.
    pub(super) async fn yield_turn(&mut self) {
        let (begun, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.prompts).into_iter().partition(Waiting::has_begun);
        self.prompts = waiting.into();
        for prompt in begun {
            self.stopped(prompt, StopReason::EndTurn).await;
        }
    }

    /// Answers a prompt.
    pub(super) async fn stopped(&self, prompt: Waiting, reason: StopReason) {
        self.face.wire.respond(prompt.request, json!({ "stopReason": reason })).await;
    }
}
