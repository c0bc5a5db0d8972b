//! How a turn begins: Codex is greeted, opens the thread and starts the turn.

use sandboxed_protocol::{attached, rpc::RpcError};
use sandboxed_sdk::{failure, harness::*};
use serde_json::{Map, Value as Json, json};

use crate::{
    session::{CodexSession, DIALECT, Out, Purpose, Running, Stage},
    work::is_id,
};

impl CodexSession {
    pub(crate) fn greeted(&mut self, result: &Json, out: &mut StepResult) {
        if !result["codexHome"].is_string() {
            return self.nonsense("initialize", out);
        }
        out.write(DIALECT.notification("initialized", None));
        let facts = &self.facts;
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
        if let Some(instructions) = &facts.instructions {
            set("developerInstructions", json!(instructions));
        }
        let method = match &facts.resume {
            Some(thread) => {
                set("threadId", json!(thread));
                // All earlier turns would be one line.
                set("excludeTurns", json!(true));
                "thread/resume"
            }
            None => "thread/start",
        };
        let resumed = facts.resume.is_some();
        self.stage = Stage::Opening;
        self.request(method, Json::Object(params), Purpose::OpenThread { resumed }, out);
    }

    pub(crate) fn opened(&mut self, result: &Json, out: &mut StepResult) {
        let id = |value: &Json| value.as_str().filter(|text| is_id(text)).map(str::to_owned);
        let Some(thread) = id(&result["thread"]["id"]) else { return self.nonsense("thread/start", out) };
        let model = id(&result["model"]);
        out.events.push(Event::Session(thread.clone()));
        let facts = &self.facts;
        let effort = facts.effort.clone().or_else(|| id(&result["reasoningEffort"]));
        let text = attached::prompt(&facts.prompt, &facts.attachments);
        let image = |(_, image): (u32, &Attachment)| json!({ "type": "localImage", "path": image.path });
        let text = json!({ "type": "text", "text": text });
        let input: Vec<Json> = [text].into_iter().chain(attached::images(&facts.attachments).map(image)).collect();
        // The mode is always said: a thread stays in the one that its last turn was in.
        let settings = json!({ "model": model, "reasoning_effort": effort, "developer_instructions": null });
        let mode = if facts.plan { "plan" } else { "default" };
        let params = json!({
            "threadId": thread,
            "input": input,
            "collaborationMode": { "mode": mode, "settings": settings },
        });
        self.stage = Stage::Running(Running { thread, model, turn: None });
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
    fn answers() -> [Json; 3] {
        [
            json!({ "codexHome": "/h" }),
            json!({ "thread": { "id": "t" }, "model": "m" }),
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
        for known in 0..3 {
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
