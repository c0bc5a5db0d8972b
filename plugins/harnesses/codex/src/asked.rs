//! What Codex asks of the person, and how it is answered.

use std::collections::BTreeMap;

use sandboxed_protocol::rpc::Id;
use sandboxed_sdk::harness::{Answer, Approval, Choice, Event, Question, QuestionItem, ToolKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    shell,
    work::{Work, is_id},
};

/// Requests that wait for a person at the same time.
const MAX_WAITING: usize = 8;
/// Questions of one request; Codex lets the model ask three.
const MAX_QUESTIONS: usize = 4;

/// Codex's name of the tool that runs commands.
pub(crate) const RUN: &str = "exec_command";

/// What waits for a person.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// How many there were in the mission: Codex counts its requests anew in each process.
    count: u64,
    waiting: Vec<Waiting>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    id: String,
    rpc: Id,
    turn: TurnOf,
    kind: Kind,
}

/// The turn that waits, which may be another agent's.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TurnOf {
    pub(crate) thread_id: String,
    pub(crate) turn_id: String,
}

/// What is answered, and in which words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A command or a change of files: `decision`.
    Decision,
    /// A tool of an MCP server: `action`.
    Elicitation,
    /// Questions with these ids.
    Questions(Vec<String>),
}

/// What comes of a request of Codex's.
pub(crate) enum Request {
    /// A person decides.
    Ask(Kind, Ask),
    /// It is refused without a person.
    Refuse(Value),
    /// It is none that is known.
    Unknown,
}

/// What a person is asked; ids come later.
pub(crate) enum Ask {
    Approval(Approval),
    Question(Question),
}

impl Kind {
    /// The result that says yes or no.
    pub(crate) fn decided(&self, approved: bool) -> Value {
        match self {
            Self::Decision => json!({ "decision": if approved { "accept" } else { "decline" } }),
            Self::Elicitation if approved => json!({ "action": "accept", "content": {} }),
            Self::Elicitation => json!({ "action": "decline" }),
            Self::Questions(_) => json!({ "answers": {} }),
        }
    }

    fn answered(&self, answers: Option<Vec<Vec<String>>>) -> Value {
        let Self::Questions(ids) = self else { return self.decided(false) };
        let answers: BTreeMap<&str, Value> = ids
            .iter()
            .zip(answers.unwrap_or_default())
            .map(|(id, answers)| (id.as_str(), json!({ "answers": answers })))
            .collect();
        json!({ "answers": answers })
    }
}

impl Request {
    /// What a request is about.
    pub(crate) fn read(method: &str, params: &Value, work: &Work) -> Self {
        match method {
            "item/commandExecution/requestApproval" => Self::command(params),
            "item/fileChange/requestApproval" => Self::files(params, work),
            "mcpServer/elicitation/request" => Self::elicitation(params, work),
            "item/tool/requestUserInput" => Self::questions(params),
            _ => Self::Unknown,
        }
    }

    fn command(params: &Value) -> Self {
        let Some(command) = params["command"].as_str() else { return Self::Refuse(Kind::Decision.decided(false)) };
        let script = shell::script(command);
        let input = json!({ "command": script, "cwd": params["cwd"] });
        let tool = if params["kind"] == "writeStdin" { "write_stdin" } else { RUN };
        let approval = approval(params, tool, ToolKind::Execute, script, input);
        Self::Ask(Kind::Decision, Ask::Approval(approval))
    }

    /// What is changed was told when the item began. Where it was too much to be remembered nobody can judge it.
    fn files(params: &Value, work: &Work) -> Self {
        let known = params["itemId"].as_str().and_then(|id| work.running(id));
        let paths = known.and_then(|(title, kind, input)| {
            let input: Value = serde_json::from_str(input).ok()?;
            let paths: Vec<&str> = input.get("paths")?.as_array()?.iter().filter_map(Value::as_str).collect();
            Some((title.to_owned(), kind, paths.join("\n"), input.clone()))
        });
        let Some((title, kind, subject, input)) = paths else { return Self::Refuse(Kind::Decision.decided(false)) };
        let approval = Approval { title, ..approval(params, "apply_patch", kind, subject, input) };
        Self::Ask(Kind::Decision, Ask::Approval(approval))
    }

    /// Codex asks by an elicitation whether a tool of an MCP server may be called. What else a server may want to know
    /// (a form, a page to visit) is declined.
    fn elicitation(params: &Value, work: &Work) -> Self {
        let meta = &params["_meta"];
        let (Some(server), Some(tool), "mcp_tool_call") = (
            params["serverName"].as_str(),
            meta["tool_name"].as_str(),
            meta["codex_approval_kind"].as_str().unwrap_or_default(),
        ) else {
            return Self::Refuse(Kind::Elicitation.decided(false));
        };
        let name = format!("{server}.{tool}");
        let asked = approval(params, &name, ToolKind::Other, name.clone(), meta["tool_params"].clone());
        let reason = params["message"].as_str().map(str::to_owned);
        let approval = Approval { tool_call: work.call_named(&name), reason, ..asked };
        Self::Ask(Kind::Elicitation, Ask::Approval(approval))
    }

    /// What is asked for in secret is not answered: answers are kept with the mission's events.
    fn questions(params: &Value) -> Self {
        let asked = params["questions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: Vec<String> = asked.iter().filter_map(|question| Some(question["id"].as_str()?.to_owned())).collect();
        let fits = ids.len() == asked.len() && ids.iter().all(|id| is_id(id)) && ids.len() <= MAX_QUESTIONS;
        let secret = asked.iter().any(|question| question["isSecret"] == true);
        let kind = Kind::Questions(ids);
        if !fits || secret || asked.is_empty() {
            return Self::Refuse(kind.decided(false));
        }
        let question =
            Question { id: String::new(), tool_call: None, items: asked.iter().map(question_item).collect() };
        Self::Ask(kind, Ask::Question(question))
    }
}

/// The id is given when it is asked.
fn approval(params: &Value, tool: &str, kind: ToolKind, subject: String, input: Value) -> Approval {
    let text = |name: &str| params[name].as_str().map(str::to_owned);
    Approval {
        id: String::new(),
        tool_call: text("itemId"),
        title: sandboxed_protocol::title::first_line(&subject),
        kind,
        tool: tool.to_owned(),
        subject,
        input: input.to_string(),
        reason: text("reason"),
    }
}

fn question_item(question: &Value) -> QuestionItem {
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let options = question["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    let choices: Vec<Choice> = options
        .iter()
        .filter_map(|option| Some(Choice { label: text(option, "label")?, description: text(option, "description") }))
        .collect();
    QuestionItem {
        text: text(question, "question").unwrap_or_default(),
        free_text: choices.is_empty() || question["isOther"] == true,
        choices,
        multiple: false,
    }
}

impl Asked {
    /// Asks a person. Nothing where too many wait already.
    pub(crate) fn ask(&mut self, rpc: &Id, turn: TurnOf, kind: Kind, ask: Ask) -> Option<Event> {
        let odd = matches!(rpc, Id::Text(text) if !is_id(text)) || !is_id(&turn.thread_id) || !is_id(&turn.turn_id);
        if odd || self.waiting.len() >= MAX_WAITING {
            return None;
        }
        self.count += 1;
        let id = format!("asked-{}", self.count);
        self.waiting.push(Waiting { id: id.clone(), rpc: rpc.clone(), turn, kind });
        Some(match ask {
            Ask::Approval(approval) => Event::Approval(Approval { id, ..approval }),
            Ask::Question(question) => Event::Question(Question { id, ..question }),
        })
    }

    /// A decision, as the result for Codex, and the turn that waited for it. Nothing where nobody waits.
    pub(crate) fn decide(&mut self, id: &str, approved: bool) -> Option<(Id, Value, TurnOf)> {
        let waiting = self.take(|waiting| waiting.id == id)?;
        let result = waiting.kind.decided(approved);
        Some((waiting.rpc, result, waiting.turn))
    }

    /// An answer, as the result for Codex. Nothing where nobody waits.
    pub(crate) fn answer(&mut self, answer: Answer) -> Option<(Id, Value)> {
        let waiting = self.take(|waiting| waiting.id == answer.id)?;
        Some((waiting.rpc, waiting.kind.answered(answer.answers)))
    }

    /// Codex waits no longer for this one.
    pub(crate) fn resolved(&mut self, rpc: &Id) -> Option<Event> {
        self.take(|waiting| waiting.rpc == *rpc).map(|waiting| Event::Withdrawn(waiting.id))
    }

    /// Codex waits for nothing any more.
    pub(crate) fn withdraw(&mut self) -> Vec<Event> {
        self.waiting.drain(..).map(|waiting| Event::Withdrawn(waiting.id)).collect()
    }

    fn take(&mut self, which: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
        let place = self.waiting.iter().position(which)?;
        Some(self.waiting.remove(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, params: Value) -> Request {
        Request::read(method, &params, &Work::default())
    }

    #[test]
    fn the_subject_of_a_command_is_all_of_it_and_its_title_one_line() {
        let script = format!("echo {}\nrm -rf /", "x".repeat(500));
        let params = json!({ "itemId": "1", "command": format!("/bin/bash -lc '{script}'"), "cwd": "/w" });
        let Request::Ask(Kind::Decision, Ask::Approval(approval)) =
            asked("item/commandExecution/requestApproval", params)
        else {
            panic!("an approval")
        };
        assert_eq!(approval.subject, script);
        assert!(approval.title.len() < 200);
    }

    #[test]
    fn a_change_of_which_nothing_is_known_is_declined() {
        let request = asked("item/fileChange/requestApproval", json!({ "itemId": "1" }));
        assert!(matches!(request, Request::Refuse(result) if result == json!({ "decision": "decline" })));
    }

    #[test]
    fn a_secret_is_not_asked_for() {
        let question = json!({ "id": "q", "header": "h", "question": "Password?", "isSecret": true });
        let request = asked("item/tool/requestUserInput", json!({ "questions": [question] }));
        assert!(matches!(request, Request::Refuse(result) if result == json!({ "answers": {} })));
    }

    #[test]
    fn answers_go_to_the_questions_in_their_order() {
        let kind = Kind::Questions(vec!["a".to_owned(), "b".to_owned()]);
        let answers = Some(vec![vec!["1".to_owned()], vec!["2".to_owned()]]);
        let expected = json!({ "answers": { "a": { "answers": ["1"] }, "b": { "answers": ["2"] } } });
        assert_eq!(kind.answered(answers), expected);
        assert_eq!(kind.answered(None), json!({ "answers": {} }));
    }

    #[test]
    fn no_more_wait_than_fit_and_each_is_answered_once() {
        let mut all = Asked::default();
        let mut ask = |number| {
            let approval = approval(&Value::Null, "t", ToolKind::Other, String::new(), Value::Null);
            all.ask(&Id::Number(number), TurnOf::default(), Kind::Decision, Ask::Approval(approval))
        };
        let told: Vec<bool> = (0..20).map(|number| ask(number).is_some()).collect();
        assert_eq!(told.iter().filter(|told| **told).count(), MAX_WAITING);
        assert!(all.decide("asked-1", true).is_some());
        assert!(all.decide("asked-1", true).is_none());
        assert_eq!(all.resolved(&Id::Number(1)), Some(Event::Withdrawn("asked-2".to_owned())));
        assert_eq!(all.withdraw().len(), MAX_WAITING - 2);
    }
}
