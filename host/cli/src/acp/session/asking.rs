//! What the agent asks its person: permissions, and questions.

use std::collections::{HashMap, HashSet, VecDeque};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use sandboxed_model::{
    AskId,
    ask::{Approval, Ask, AskStatus, Decision, DecisionScope, Question},
};
use serde_json::{Value, json};

use super::{Session, Waiting};
use crate::acp::{
    forms,
    protocol::{ToolCall, Update},
    tools,
    wire::{RequestId, RpcError},
};

/// The choices for a permission.
const ALLOW: &str = "allow";
const ALLOW_IN_MISSION: &str = "allow_mission";
const REJECT: &str = "reject";

/// What a client said, or that it cannot say anything.
type Answer = Result<Value, RpcError>;

/// What the client was asked and has not answered.
#[derive(Default)]
pub(super) struct Asks {
    asked: HashMap<AskId, (u64, Ask)>,
    answers: FuturesUnordered<BoxFuture<'static, (AskId, Answer)>>,
    /// Questions that the next prompts answer, with their turns.
    spoken: VecDeque<(Question, u32)>,
    /// Approvals that are shown as tool calls of their own, because they belong to none.
    shown: HashSet<AskId>,
}

impl Asks {
    /// The next answer; never where nothing was asked.
    pub(super) async fn next(&mut self) -> (AskId, Answer) {
        match self.answers.next().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// The next prompt answers nothing.
    pub(super) fn forget_spoken(&mut self) {
        self.spoken.clear();
    }

    fn knows(&self, ask: AskId) -> bool {
        self.asked.contains_key(&ask) || self.spoken.iter().any(|(question, _)| question.id == ask)
    }
}

impl Session {
    /// Asks the client unless a rule or somebody else has answered by now.
    pub(super) async fn ask_if_open(&mut self, ask: Ask) {
        let id = self.id;
        let open = match self.face.server().await {
            Ok(server) => server.patiently(async |server| server.asks(Some(id)).await).await.unwrap_or_default(),
            Err(_) => return,
        };
        if open.iter().any(|(_, open)| open.id() == ask.id()) {
            self.ask(ask).await;
        }
    }

    /// Asks the client.
    pub(super) async fn ask(&mut self, ask: Ask) {
        if self.asks.knows(ask.id()) {
            return;
        }
        let (method, params) = match &ask {
            Ask::Approval(approval) => {
                if approval.tool_call.is_none() {
                    self.asks.shown.insert(approval.id);
                }
                ("session/request_permission", self.permission(approval))
            }
            Ask::Question(question) if self.client.forms => ("elicitation/create", self.form(question)),
            Ask::Question(question) => {
                let spoken = self.teller.spoken(question);
                self.asks.spoken.push_back((question.clone(), self.turn));
                self.tell([spoken]).await;
                return self.yield_turn().await;
            }
        };
        let (request, answer) = self.face.wire.request(method, params).await;
        let id = ask.id();
        self.asks.asked.insert(id, (request, ask));
        let gone = || Err(RpcError::invalid_request("it was withdrawn"));
        self.asks.answers.push(answer.map(move |answer| (id, answer.unwrap_or_else(|_| gone()))).boxed());
    }

    fn permission(&self, approval: &Approval) -> Value {
        let call = ToolCall {
            tool_call_id: shown_as(approval),
            title: Some(approval.title.clone()),
            kind: Some(tools::kind(approval.tool_kind)),
            status: Some("pending"),
            locations: tools::location(&approval.input).map(|location| vec![location]),
            raw_input: Some(approval.input.clone()).filter(|input| !input.is_null()),
            ..ToolCall::default()
        };
        let mut options = vec![json!({ "optionId": ALLOW, "name": "Allow once", "kind": "allow_once" })];
        // A star in what is asked would stand for any text in a rule.
        if !approval.subject.contains('*') {
            let name = "Allow for this mission";
            options.push(json!({ "optionId": ALLOW_IN_MISSION, "name": name, "kind": "allow_always" }));
        }
        options.push(json!({ "optionId": REJECT, "name": "Reject", "kind": "reject_once" }));
        json!({ "sessionId": self.id, "toolCall": call, "options": options })
    }

    fn form(&self, question: &Question) -> Value {
        let message = match question.items.as_slice() {
            [one] => one.text.clone(),
            _ => "The agent wants to know:".to_owned(),
        };
        let schema = forms::schema(question);
        let mut form = json!({ "sessionId": self.id, "mode": "form", "message": message, "requestedSchema": schema });
        if let Some(call) = question.tool_call.as_ref().filter(|call| self.teller.knows_call(call)) {
            form["toolCallId"] = call.as_str().into();
        }
        form
    }

    /// The client has answered.
    pub(super) async fn answered(&mut self, id: AskId, answer: Answer) {
        let Some((_, ask)) = self.asks.asked.remove(&id) else { return };
        // The client answers so for all that is open when its person cancels: the turn is being interrupted.
        let is_cancelled = self.prompts.iter().any(Waiting::is_cancelled);
        if is_cancelled {
            return;
        }
        let (mission, Ok(server)) = (self.id, self.face.server().await) else { return };
        let told = match ask {
            Ask::Approval(_) => {
                let decision = decision(&answer);
                server.patiently(async |server| server.decide(mission, id, decision.clone()).await).await
            }
            Ask::Question(question) => {
                let answers = answer.ok().and_then(|answer| forms::answers(&question, &answer));
                server.patiently(async |server| server.answer(mission, id, answers.clone()).await).await
            }
        };
        match told {
            Ok(_) => {}
            Err(failed) if failed.is("ask.settled") => {}
            Err(failed) => {
                let text =
                    format!("the answer was not taken: {failed}; `sandboxed-sh missions asks {mission}` shows it");
                let remark = self.teller.remark("error", text);
                self.tell([remark]).await;
            }
        }
    }

    /// It was decided, here or elsewhere.
    pub(super) async fn settled(&mut self, id: AskId, status: AskStatus) {
        if let Some((request, _)) = self.asks.asked.remove(&id) {
            self.face.wire.withdraw(request).await;
        }
        self.asks.spoken.retain(|(question, _)| question.id != id);
        if self.asks.shown.remove(&id) {
            let status = if status == AskStatus::Approved { "completed" } else { "failed" };
            let tool_call_id = format!("approval-{id}");
            let call = ToolCall { tool_call_id, status: Some(status), ..ToolCall::default() };
            self.tell([Update::ToolCallUpdate(call)]).await;
        }
    }

    /// Takes a prompt as the answer to what the agent asked last. What is no answer comes back.
    pub(super) async fn speak(&mut self, request: RequestId, message: String) -> Option<(RequestId, String)> {
        let Some((question, turn)) = self.asks.spoken.front().cloned() else { return Some((request, message)) };
        let (mission, ask) = (self.id, question.id);
        let answers = forms::spoken_answers(&question, &message);
        let told = match self.face.server().await {
            Ok(server) => {
                server.patiently(async |server| server.answer(mission, ask, Some(answers.clone())).await).await
            }
            Err(failed) => Err(failed),
        };
        match told {
            Ok(_) => {
                self.asks.spoken.pop_front();
                self.prompts.push_back(Waiting::for_turn(request, turn, self.last));
                self.follow().await;
                None
            }
            // Somebody else has answered: it is a message.
            Err(failed) if failed.is("ask.settled") || failed.is("ask.not_found") => {
                self.asks.spoken.pop_front();
                Some((request, message))
            }
            Err(failed) => {
                self.face.wire.refuse(Some(request), failed.into()).await;
                None
            }
        }
    }
}

/// The tool call that waits, or one that stands for the approval.
fn shown_as(approval: &Approval) -> String {
    approval.tool_call.clone().unwrap_or_else(|| format!("approval-{}", approval.id))
}

/// What the client's answer decides. What is no clear permission is none.
fn decision(answer: &Answer) -> Decision {
    let option = match answer {
        Ok(answer) if answer["outcome"]["outcome"] == "selected" => answer["outcome"]["optionId"].as_str(),
        _ => None,
    };
    let scope = if option == Some(ALLOW_IN_MISSION) { DecisionScope::Mission } else { DecisionScope::Once };
    let approved = matches!(option, Some(ALLOW | ALLOW_IN_MISSION));
    let reason = match option {
        Some(_) => None,
        None => Some("the editor gave no answer".to_owned()),
    };
    Decision { approved, reason, scope, pattern: None, seconds: None }
}
