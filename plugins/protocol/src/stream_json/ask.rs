//! What the agent asks: to be allowed to do something, or a question.

use sandboxed_sdk::harness::{
    Action, Answer, Approval, Choice, Decision, Event, Question, QuestionItem, StepResult, ToolKind,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{crop, tool, write};

/// The tool by which the agent asks a person.
const QUESTION: &str = "AskUserQuestion";
/// What it may ask at once; beyond that the answer is no.
const OPEN: usize = 16;
/// Bytes of all questions that are remembered.
const QUESTIONS: usize = 8 << 10;

/// What was asked and waits for an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    open: Vec<Open>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Open {
    id: String,
    /// The input of a question, which goes back with the answers.
    question: Option<Value>,
}

impl Asked {
    /// Takes a request of the program's. With `free` nobody is asked for leave.
    pub(super) fn request(&mut self, id: &str, request: &Value, free: bool, tree: &str) -> StepResult {
        let subtype = request["subtype"].as_str().unwrap_or_default();
        if subtype != "can_use_tool" {
            return action(write::refuse(id, crop::start(subtype, 100)));
        }
        let tool = request["tool_name"].as_str().unwrap_or_default();
        let question = (tool == QUESTION).then(|| request["input"].clone());
        if question.is_none() && free {
            return action(write::allow(id, None));
        }
        let remembered: usize = self.open.iter().filter_map(|open| open.question.as_ref()).map(size).sum();
        let room = QUESTIONS.saturating_sub(remembered);
        if self.open.len() >= OPEN || id.len() > 256 || question.as_ref().is_some_and(|question| size(question) > room)
        {
            return action(write::deny(id, "This is too much to ask at once: ask less."));
        }
        let event = match &question {
            Some(input) => Event::Question(Question {
                id: id.to_owned(),
                tool_call: request["tool_use_id"].as_str().map(crop::name),
                items: input["questions"].as_array().into_iter().flatten().map(item).collect(),
            }),
            None => Event::Approval(approval(id, tool, request, tree)),
        };
        self.open.push(Open { id: id.to_owned(), question });
        StepResult::events(vec![event])
    }

    /// The program does not wait any longer.
    pub(super) fn withdraw(&mut self, id: &str) -> Option<Event> {
        self.take(id).map(|open| Event::Withdrawn(open.id))
    }

    /// The turn is over, and with it all that waits.
    pub(super) fn abandon(&mut self) -> Vec<Event> {
        self.open.drain(..).map(|open| Event::Withdrawn(open.id)).collect()
    }

    pub(super) fn decide(&mut self, decision: &Decision) -> Option<Action> {
        let open = self.take(&decision.id)?;
        Some(match (decision.approved, &decision.reason) {
            (true, _) => write::allow(&open.id, open.question),
            (false, Some(reason)) => write::deny(&open.id, reason),
            (false, None) => write::deny(&open.id, "The person does not want this."),
        })
    }

    pub(super) fn answer(&mut self, answer: &Answer) -> Option<Action> {
        let open = self.take(&answer.id)?;
        let (Some(Value::Object(mut input)), Some(answers)) = (open.question, &answer.answers) else {
            return Some(write::deny(&open.id, "The person does not answer. Go on without an answer, or stop."));
        };
        let asked = input.get("questions").and_then(Value::as_array).into_iter().flatten();
        let told: Map<String, Value> = asked
            .zip(answers)
            .filter_map(|(item, chosen)| Some((item["question"].as_str()?.to_owned(), chosen.join(", ").into())))
            .collect();
        input.insert("answers".to_owned(), told.into());
        Some(write::allow(&open.id, Some(input.into())))
    }

    fn take(&mut self, id: &str) -> Option<Open> {
        let place = self.open.iter().position(|open| open.id == id)?;
        Some(self.open.remove(place))
    }
}

fn size(value: &Value) -> usize {
    value.to_string().len()
}

fn action(action: Action) -> StepResult {
    StepResult { events: Vec::new(), actions: vec![action] }
}

fn approval(id: &str, name: &str, request: &Value, tree: &str) -> Approval {
    let input = &request["input"];
    // What the agent says of a command; of a file it is the path once more.
    let about = Some(&request["description"]).filter(|_| tool::kind(name) == ToolKind::Execute);
    let reason = request["decision_reason"].as_str().or_else(|| about?.as_str());
    Approval {
        id: id.to_owned(),
        tool_call: request["tool_use_id"].as_str().map(crop::name),
        title: tool::title(name, input, tree),
        kind: tool::kind(name),
        tool: crop::name(name),
        subject: tool::subject(name, input).to_owned(),
        input: input.to_string(),
        reason: reason.map(|reason| crop::start(reason, 1 << 10).to_owned()),
    }
}

fn item(item: &Value) -> QuestionItem {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let choice = |option: &Value| Choice {
        label: text(option, "label"),
        description: option["description"].as_str().map(str::to_owned),
    };
    QuestionItem {
        text: text(item, "question"),
        choices: item["options"].as_array().into_iter().flatten().map(choice).collect(),
        multiple: item["multiSelect"].as_bool().unwrap_or(false),
        free_text: true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(result: StepResult) -> String {
        match result.actions.as_slice() {
            [Action::Write(bytes)] => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("not one line: {other:?}"),
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_so_that_the_agent_goes_on() {
        let line = written(Asked::default().request("r", &json!({ "subtype": "hook_callback" }), false, "/"));
        assert!(line.contains(r#""subtype":"error""#), "{line}");
    }

    #[test]
    fn more_than_can_be_remembered_is_answered_with_no() {
        let mut asked = Asked::default();
        let ask = |asked: &mut Asked, id: &str, question: &str| {
            let input = json!({ "questions": [{ "question": question }] });
            let request = json!({ "subtype": "can_use_tool", "tool_name": QUESTION, "input": input });
            asked.request(id, &request, true, "/")
        };
        assert!(written(ask(&mut asked, "huge", &"?".repeat(QUESTIONS))).contains("deny"));
        for number in 0..OPEN {
            assert_eq!(ask(&mut asked, &number.to_string(), "why?").events.len(), 1);
        }
        assert!(written(ask(&mut asked, "more", "why?")).contains("deny"));
    }

    #[test]
    fn a_decision_on_what_nobody_asked_is_nothing() {
        let decision = Decision { id: "x".to_owned(), approved: true, reason: None };
        assert_eq!(Asked::default().decide(&decision), None);
    }
}
