//! The mission's events, as long as something goes on in it.

use futures_util::{StreamExt as _, stream::BoxStream};
use sandboxed_model::{
    ask::{Ask, AskStatus},
    event::{Event, EventBody},
    mission::Mission,
    state::MissionState,
};

use super::Session;
use crate::{
    acp::{
        protocol::{Cost, Update, Usage},
        settings::Settings,
        wire::RpcError,
    },
    client::{Client, Followed},
    failed::{Failed, Result},
};

/// The next event; never where nothing is followed.
pub(super) async fn next(events: &mut Option<BoxStream<'static, Result<Followed>>>) -> Option<Result<Followed>> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

impl Session {
    /// Follows the mission after the last event that was told.
    pub(super) async fn follow(&mut self) {
        if self.events.is_some() {
            return;
        }
        let (id, last) = (self.id, self.last);
        let followed = match self.face.server().await {
            Ok(server) => server.patiently(async |server| server.follow(id, last).await).await,
            Err(failed) => Err(failed),
        };
        match followed {
            Ok(events) => self.events = Some(events),
            Err(failed) => self.lose(failed).await,
        }
    }

    /// Whether nothing goes on and nobody waits.
    pub(super) fn is_at_rest(&self) -> bool {
        let goes_on = self.state.is_some_and(|state| state.is_active() || state == MissionState::Queued);
        self.prompts.is_empty() && !goes_on
    }

    /// What comes from the mission.
    pub(super) async fn hear(&mut self, followed: Option<Result<Followed>>) {
        let event = match followed {
            Some(Ok(followed)) => followed.event,
            Some(Err(failed)) => return self.lose(failed).await,
            None => return self.lose(Failed::unavailable("the mission was removed, or its server ended")).await,
        };
        self.last = event.seq;
        if let EventBody::TurnStarted(started) = &event.body {
            self.turn_started(event.turn, started.message).await;
        }
        let told = self.teller.tell(&event);
        self.tell(told).await;
        match event.body {
            EventBody::State(change) => {
                self.state = Some(change.to);
                self.state_changed(event.seq, change.to).await;
            }
            EventBody::Approval(approval) if approval.status == AskStatus::Open => {
                self.ask_if_open(Ask::Approval(approval)).await;
            }
            EventBody::Approval(approval) => self.settled(approval.id, approval.status).await,
            EventBody::Question(question) if question.status == AskStatus::Open => {
                self.ask_if_open(Ask::Question(question)).await;
            }
            EventBody::Question(question) => self.settled(question.id, question.status).await,
            EventBody::TurnEnded(end) => {
                self.tell_standing().await;
                self.turn_ended(event.turn, &end).await;
            }
            _ => {}
        }
        if self.is_at_rest() {
            self.events = None;
        }
    }

    /// What happened before the session was opened.
    pub(super) async fn replay(&mut self, event: &Event) {
        let told = self.teller.tell(event);
        self.tell(told).await;
        match &event.body {
            EventBody::TurnStarted(started) => self.turn_started(event.turn, started.message).await,
            EventBody::TurnEnded(end) => self.turn_ended(event.turn, end).await,
            EventBody::State(change) => self.state = Some(change.to),
            _ => {}
        }
    }

    /// The events cannot be followed any more. The mission goes on, and the next prompt follows it again.
    async fn lose(&mut self, failed: Failed) {
        self.events = None;
        let error = RpcError::from(failed);
        for prompt in std::mem::take(&mut self.prompts) {
            self.face.wire.refuse(Some(prompt.request), error.clone()).await;
        }
    }

    /// How the mission stands after a turn: its title and settings, which others may have changed, and what it used.
    async fn tell_standing(&mut self) {
        let (id, Ok(server)) = (self.id, self.face.server().await) else { return };
        // What cannot be read now is told after the next turn.
        let Ok(mission) = server.patiently(async |server| server.mission(id).await).await else { return };
        let usage = usage(server, &mission).await.unwrap_or_default();
        self.tell_title(&mission).await;
        self.tell_settings(Settings::of_mission(&mission)).await;
        self.tell(usage.map(Update::UsageUpdate)).await;
    }
}

/// What the last request to a model held, and what the mission has cost: where the server's gateway has counted it, and
/// knows the model.
async fn usage(server: &Client, mission: &Mission) -> Result<Option<Usage>> {
    let id = mission.id;
    let requests = server.patiently(async |server| server.model_requests(Some(id), 1).await).await?;
    let Some((request, tokens)) = requests.first().and_then(|request| Some((request, request.tokens.as_ref()?))) else {
        return Ok(None);
    };
    let models = server.patiently(async |server| server.models(Some(&request.provider)).await).await?;
    let is_it = |name: &String| *name == request.model || Some(name) == request.answered_model.as_ref();
    let model = models.iter().find(|model| is_it(&model.id) || model.aliases.iter().any(is_it));
    let cost = mission.usage.cost_micro_usd;
    Ok(model.and_then(|model| model.context_tokens).map(|size| Usage {
        used: tokens.all_input().saturating_add(tokens.output),
        size,
        cost: cost.map(|micros| Cost { amount: micros as f64 / 1_000_000.0, currency: "USD" }),
    }))
}
