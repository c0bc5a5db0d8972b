//! What a driver says, taken apart: what goes to the event log as it is, and what the turn has to act on.

use std::{collections::BTreeMap, sync::Arc};

use sandboxed_model::{
    AskId, MessageId, Timestamp,
    ask::{Approval, Ask, AskStatus, Question},
    attachment::Prompt,
    event::{EventBody, Notice, NoticeLevel},
    harness::{ApprovalAsked, DriverEvent, Input, QuestionAsked, TurnOutcome},
    state::MissionState,
};
use sandboxed_store::{AskChange, LiveAsk, MAX_ASKS, QueueChange};

use super::{state, turn::Turn, user_message};
use crate::{Result, approvals};

/// What follows for the store from what a driver said, besides its events.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) asks: Vec<AskChange>,
    pub(super) queue: Vec<QueueChange>,
    pub(super) forget_session: bool,
}

/// Messages that the agent was told in the middle of its turn and has not confirmed, by id.
pub(super) type Steering = BTreeMap<MessageId, String>;

impl Turn {
    /// Takes apart what the driver said. Its events are with the translator afterwards.
    pub(super) async fn hear(&mut self, events: Vec<DriverEvent>) -> Result<Heard> {
        let mut heard = Heard::default();
        let mut plain = Vec::with_capacity(events.len());
        let mut known_better = None;
        for event in events {
            match event {
                DriverEvent::Approval(asked) => {
                    self.translator.push(std::mem::take(&mut plain));
                    self.approval(asked, &mut heard).await?;
                }
                DriverEvent::Question(asked) => {
                    self.translator.push(std::mem::take(&mut plain));
                    self.question(asked, &mut heard);
                }
                DriverEvent::Withdrawn(native) => {
                    self.translator.push(std::mem::take(&mut plain));
                    if let Some(at) = self.asks.iter().position(|live| live.native == native) {
                        self.withdraw(at, &mut heard);
                    }
                }
                DriverEvent::Steered(id) => {
                    self.translator.push(std::mem::take(&mut plain));
                    let message = id.parse::<MessageId>().ok();
                    if let Some((id, text)) = message.and_then(|id| self.steering.remove_entry(&id)) {
                        self.translator.tell(user_message(id, Prompt { text, attachments: Vec::new() }));
                        heard.queue.push(QueueChange::Taken(id));
                    }
                }
                DriverEvent::SessionLost => {
                    heard.forget_session = true;
                    plain.push(DriverEvent::Notice(Notice {
                        level: NoticeLevel::Warning,
                        code: "agent.session_lost".to_owned(),
                        text: "the agent does not know its former session: the next turn begins a new one".to_owned(),
                    }));
                }
                DriverEvent::Problem(told) => {
                    let code = told.code.clone();
                    let why = self.services.models.why(self.mission.id, told);
                    known_better = (why.code != code).then(|| why.message.clone());
                    plain.push(DriverEvent::Problem(why));
                }
                DriverEvent::TurnEnd { outcome: TurnOutcome::Failed, reason } => {
                    let reason = known_better.take().unwrap_or(reason);
                    plain.push(DriverEvent::TurnEnd { outcome: TurnOutcome::Failed, reason });
                }
                DriverEvent::TurnEnd { outcome: TurnOutcome::Completed, reason } => {
                    match self.services.models.why_nothing(self.mission.id) {
                        Some(why) => {
                            let reason = why.message.clone();
                            plain.push(DriverEvent::Problem(why));
                            plain.push(DriverEvent::TurnEnd { outcome: TurnOutcome::Failed, reason });
                        }
                        None => plain.push(DriverEvent::TurnEnd { outcome: TurnOutcome::Completed, reason }),
                    }
                }
                event => {
                    // One that it names after that is the new one.
                    heard.forget_session &= !matches!(event, DriverEvent::Session(_));
                    plain.push(event);
                }
            }
        }
        self.translator.push(plain);
        Ok(heard)
    }

    async fn approval(&mut self, asked: ApprovalAsked, heard: &mut Heard) -> Result<()> {
        let ApprovalAsked { id: native, tool_call, title, kind, tool, subject, input, reason } = asked;
        let (services, mission) = (Arc::clone(&self.services), &self.mission);
        let rules = services.store.approval_rules(Some(mission.id), mission.workspace, Timestamp::now());
        let rules = rules.await?;
        let config = &services.config.missions.approval_rules;
        let told = services.vault.redaction().text(&subject);
        let verdict = approvals::decide(config, &rules, kind, &subject, &told);
        let (status, by) = match verdict {
            Some((true, by)) => (AskStatus::Approved, Some(by)),
            Some((false, by)) => (AskStatus::Denied, Some(by)),
            None => (AskStatus::Open, None),
        };
        let answer = (status == AskStatus::Denied).then(|| "a rule of this server does not allow it".to_owned());
        let approval = Approval {
            id: AskId::new(),
            status,
            tool_call,
            title,
            tool_kind: kind,
            tool,
            subject,
            input,
            reason,
            expires_at: self.expiry(status),
            by,
            answer,
        };
        self.translator.tell(EventBody::Approval(approval.clone()));
        self.open(LiveAsk { native, ask: Ask::Approval(approval) }, heard);
        Ok(())
    }

    fn question(&mut self, asked: QuestionAsked, heard: &mut Heard) {
        let QuestionAsked { id: native, tool_call, items } = asked;
        let question = Question {
            id: AskId::new(),
            status: AskStatus::Open,
            tool_call,
            items,
            expires_at: self.expiry(AskStatus::Open),
            by: None,
            answers: None,
        };
        self.translator.tell(EventBody::Question(question.clone()));
        self.open(LiveAsk { native, ask: Ask::Question(question) }, heard);
    }

    fn open(&mut self, live: LiveAsk, heard: &mut Heard) {
        // An agent that asks the same again has given up what it asked before.
        if let Some(at) = self.asks.iter().position(|other| other.native == live.native) {
            self.withdraw(at, heard);
        }
        while self.asks.len() >= MAX_ASKS {
            self.withdraw(0, heard);
        }
        heard.asks.push(AskChange::Open(live.clone()));
        self.asks.push(live);
    }

    fn withdraw(&mut self, at: usize, heard: &mut Heard) {
        let ask = self.asks.remove(at).ask;
        heard.asks.push(AskChange::Close(ask.id()));
        if ask.status() == AskStatus::Open {
            self.translator.tell(told(ask.withdrawn()));
        }
    }

    fn expiry(&self, status: AskStatus) -> Option<Timestamp> {
        let patience = self.services.config.missions.approval_timeout.0;
        (status == AskStatus::Open).then(|| Timestamp::now().after(patience))
    }

    /// The change of state that follows from what is asked, if any.
    pub(super) fn waits(&self) -> Option<EventBody> {
        let open = self.asks.iter().any(|live| live.ask.status() == AskStatus::Open);
        match (self.mission.state, open) {
            (MissionState::Running, true) => {
                Some(state(MissionState::Running, MissionState::AwaitingApproval, "the agent waits for an answer"))
            }
            (MissionState::AwaitingApproval, false) => {
                Some(state(MissionState::AwaitingApproval, MissionState::Running, "the agent has its answer"))
            }
            _ => None,
        }
    }
}

/// The event that tells how something asked stands.
pub(crate) fn told(ask: Ask) -> EventBody {
    match ask {
        Ask::Approval(approval) => EventBody::Approval(approval),
        Ask::Question(question) => EventBody::Question(question),
    }
}

/// What the driver is told of something decided.
pub(super) fn decided(live: LiveAsk) -> Input {
    let LiveAsk { native: id, ask } = live;
    match ask {
        Ask::Approval(Approval { status, answer, .. }) => {
            Input::Decision { id, approved: status == AskStatus::Approved, reason: answer }
        }
        Ask::Question(Question { answers, .. }) => Input::Answer { id, answers },
    }
}
