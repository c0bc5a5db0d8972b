//! How a turn begins: Codex reads what the launch left for it, opens the thread and starts the turn.

use base64::{Engine, prelude::BASE64_STANDARD};
use sandboxed_protocol::rpc::RpcError;
use sandboxed_sdk::{failure, harness::*};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::{
    launch::{FACTS, Facts},
    session::{CodexSession, DIALECT, Out, Purpose, Running, Stage},
    work::is_id,
};

/// What is known while a thread is opened.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    tree: String,
    prompt: String,
    effort: Option<String>,
    plan: bool,
    /// Absent until Codex tells it.
    thread: Option<String>,
    model: Option<String>,
}

impl CodexSession {
    pub(crate) fn greeted(&mut self, result: &Json, out: &mut StepResult) {
        let Some(home) = result["codexHome"].as_str() else { return self.nonsense("initialize", out) };
        let path = format!("{home}/{FACTS}");
        out.write(DIALECT.notification("initialized", None));
        self.request("fs/readFile", json!({ "path": path }), Purpose::ReadFacts, out);
    }

    pub(crate) fn open_thread(&mut self, result: &Json, out: &mut StepResult) {
        let facts = file(result).and_then(|bytes| serde_json::from_slice(&bytes).ok()).filter(Facts::fit);
        let Some(facts) = facts else { return self.nonsense("fs/readFile", out) };
        // The workspace is the sandbox. In plan mode Codex asks for all it does, and what only looks is let through.
        let mut params = Map::new();
        let mut set = |name: &str, value: Json| params.insert(name.to_owned(), value);
        set("cwd", json!(facts.tree));
        set("approvalPolicy", json!(if facts.ask || facts.plan { "untrusted" } else { "never" }));
        set("sandbox", json!("danger-full-access"));
        set("config", json!(facts.config));
        if let Some(model) = &facts.model {
            set("model", json!(model));
        }
        let resumed = facts.resume.is_some();
        let method = match facts.resume {
            Some(thread) => {
                set("threadId", json!(thread));
                // All earlier turns would be one line.
                set("excludeTurns", json!(true));
                "thread/resume"
            }
            None => "thread/start",
        };
        let Facts { tree, prompt, effort, plan, .. } = facts;
        self.stage = Stage::Opening(Opening { tree, prompt, effort, plan, thread: None, model: None });
        self.request(method, Json::Object(params), Purpose::OpenThread { resumed }, out);
    }

    pub(crate) fn opened(&mut self, result: &Json, out: &mut StepResult) {
        let id = |value: &Json| value.as_str().filter(|text| is_id(text)).map(str::to_owned);
        let (Stage::Opening(opened), Some(thread)) = (&mut self.stage, id(&result["thread"]["id"])) else {
            return self.nonsense("thread/start", out);
        };
        opened.effort = opened.effort.take().or_else(|| id(&result["reasoningEffort"]));
        opened.model = id(&result["model"]);
        opened.thread = Some(thread.clone());
        let path = opened.prompt.clone();
        out.events.push(Event::Session(thread));
        self.request("fs/readFile", json!({ "path": path }), Purpose::ReadPrompt, out);
    }

    pub(crate) fn start_turn(&mut self, result: &Json, out: &mut StepResult) {
        let prompt = file(result).and_then(|bytes| String::from_utf8(bytes).ok());
        let (Stage::Opening(opened), Some(prompt)) = (std::mem::take(&mut self.stage), prompt) else {
            return self.nonsense("fs/readFile", out);
        };
        let Opening { tree, effort, plan, thread: Some(thread), model, .. } = opened else {
            return self.nonsense("thread/start", out);
        };
        // The mode is always said: a thread stays in the one that its last turn was in.
        let settings = json!({ "model": model, "reasoning_effort": effort, "developer_instructions": null });
        let params = json!({
            "threadId": thread,
            "input": [{ "type": "text", "text": prompt }],
            "collaborationMode": { "mode": if plan { "plan" } else { "default" }, "settings": settings },
        });
        self.stage = Stage::Running(Running { tree, thread, model, plan, turn: None });
        self.request("turn/start", params, Purpose::StartTurn, out);
    }

    pub(crate) fn turn_started(&mut self, result: &Json, out: &mut StepResult) {
        let id = result["turn"]["id"].as_str().filter(|id| is_id(id));
        let (Stage::Running(running), Some(id)) = (&mut self.stage, id) else {
            return self.nonsense("turn/start", out);
        };
        running.turn = Some(id.to_owned());
        if self.interrupted {
            self.interrupt(out);
        }
    }
}

/// What `fs/readFile` answers.
fn file(result: &Json) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(result["dataBase64"].as_str()?).ok()
}

/// Why no thread is opened: Codex checks the configuration only now.
pub(crate) fn refused(error: &RpcError) -> Failure {
    let said = error.message.split_whitespace().collect::<Vec<_>>().join(" ");
    failure!(Config, "codex.thread_refused", "Codex does not open the conversation: {said}")
        .with_hint("see `config` in the mission's settings for this harness")
}

/// Codex 0.169.0 says "no rollout found for thread id …", and "invalid session id: …" to what can be none.
pub(crate) fn is_lost(error: &RpcError) -> bool {
    ["no rollout found", "invalid session id", "thread not found"].iter().any(|words| error.message.contains(words))
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::Session;

    use super::*;

    /// What Codex answers to each request of the handshake.
    fn answers() -> [Json; 5] {
        let facts = json!({ "tree": "/w", "prompt": "/p", "ask": false, "plan": false, "config": {} });
        let file = |text: &str| json!({ "dataBase64": BASE64_STANDARD.encode(text) });
        [
            json!({ "codexHome": "/h" }),
            file(&facts.to_string()),
            json!({ "thread": { "id": "t" }, "model": "m" }),
            file("hello"),
            json!({ "turn": { "id": "u" } }),
        ]
    }

    /// What follows when these are answered in turn.
    fn after(answers: &[Json]) -> Vec<Event> {
        let mut session = CodexSession::default();
        let mut step = |input| session.step(0, input).expect("a step never fails").events;
        let mut events = step(Input::Prompt);
        for (answer, id) in answers.iter().zip(1..) {
            let bytes = format!("{}\n", json!({ "id": id, "result": answer })).into_bytes();
            let frame = Frame { stream: Stream::Stdout, offset: 0, bytes, partial: false };
            events.extend(step(Input::Frames(vec![frame])));
        }
        events
    }

    #[test]
    fn a_turn_begins_when_all_is_answered() {
        assert_eq!(after(&answers()), [Event::Session("t".to_owned())]);
    }

    #[test]
    fn an_answer_that_is_none_ends_the_turn_and_nothing_else() {
        for known in 0..5 {
            for bad in [json!(5), json!("x"), json!([]), json!({}), json!({ "thread": 1, "turn": [] }), Json::Null] {
                let mut answers = answers()[..known].to_vec();
                answers.push(bad.clone());
                let events = after(&answers);
                let [.., Event::Problem(failure), Event::TurnEnd(end)] = &events[..] else {
                    panic!("{known} answers and {bad}: {events:?}")
                };
                assert_eq!((failure.code.as_str(), end.outcome), ("agent.protocol", Outcome::Failed));
            }
        }
    }
}
