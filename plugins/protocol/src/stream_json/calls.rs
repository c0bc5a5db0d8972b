//! Tool calls: begun by the agent, ended by their results.

use sandboxed_sdk::harness::{Edit, Event, Stream, ToolCall, ToolKind, ToolOutput, ToolStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{crop, tool};

/// Bytes of the open calls that are remembered: of more the oldest lose their inputs first, and then are forgotten.
const REMEMBERED: usize = 24 << 10;

/// The calls whose results are awaited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Calls {
    open: Vec<Call>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Call {
    id: String,
    parent: Option<String>,
    tool: String,
    title: String,
    /// Cut, and left out where many calls are open.
    input: Option<Value>,
    /// Path and difference of what it does to files, as its input tells; left out like the input.
    edits: Vec<(String, String)>,
}

impl Call {
    /// Bytes that it takes when it is saved, but for its input, and those of the input.
    fn size(&self) -> (usize, usize) {
        let text = |text: &str| Value::from(text).to_string().len();
        let facts = [&self.id, &self.tool, &self.title].map(|field| text(field)).iter().sum::<usize>();
        let parent = self.parent.as_deref().map_or(0, text);
        let edits: usize = self.edits.iter().map(|(path, diff)| text(path) + text(diff) + 4).sum();
        // And the names of the fields.
        (facts + parent + 70, self.input.as_ref().map_or(0, |input| input.to_string().len()) + edits)
    }

    fn event(&self, status: ToolStatus, exit_code: Option<i32>, edits: Vec<Edit>) -> Event {
        Event::ToolCall(ToolCall {
            id: self.id.clone(),
            parent: self.parent.clone(),
            title: self.title.clone(),
            kind: tool::kind(&self.tool),
            status,
            input: self.input.as_ref().map_or_else(|| "{}".to_owned(), Value::to_string),
            exit_code,
            edits,
        })
    }
}

impl Calls {
    /// Takes a `tool_use` block. `tree` is where the agent works.
    pub(super) fn begin(&mut self, block: &Value, parent: Option<String>, tree: &str) -> Vec<Event> {
        let input = &block["input"];
        let name = block["name"].as_str().map(crop::name).unwrap_or_default();
        let edits = tool::edits(&name, input);
        let call = Call {
            id: block["id"].as_str().map(crop::name).unwrap_or_default(),
            title: tool::title(&name, input, tree),
            input: Some(crop::value(input)),
            edits: edits.iter().map(|edit| (edit.path.clone(), edit.diff.clone())).collect(),
            tool: name,
            parent,
        };
        let plan = tool::plan(&call.tool, input).filter(|_| call.parent.is_none());
        let begun = call.event(ToolStatus::Running, None, edits);
        self.open.retain(|other| other.id != call.id);
        self.open.push(call);
        self.forget();
        [begun].into_iter().chain(plan.map(Event::Plan)).collect()
    }

    /// Takes a `tool_result` block, and what the line with it tells of the result beyond what the model sees.
    pub(super) fn end(&mut self, block: &Value, result: &Value, parent: Option<String>) -> Vec<Event> {
        let Some(id) = block["tool_use_id"].as_str().map(crop::name) else { return Vec::new() };
        let call = match self.open.iter().position(|call| call.id == id) {
            Some(place) => self.open.remove(place),
            // Its beginning was lost in a gap.
            None => Call { title: "(a tool)".to_owned(), id, parent, ..Call::default() },
        };
        let mut ended = Ended::read(&call.tool, block, result);
        if ended.edits.is_empty() && !ended.failed {
            ended.edits =
                call.edits.iter().map(|(path, diff)| Edit { path: path.clone(), diff: diff.clone() }).collect();
        }
        let output = |stream, text: String| {
            (!text.is_empty()).then(|| Event::ToolOutput(ToolOutput { id: call.id.clone(), stream, text }))
        };
        let status = if ended.failed { ToolStatus::Failed } else { ToolStatus::Completed };
        let mut events: Vec<Event> = [output(Stream::Stdout, ended.stdout), output(Stream::Stderr, ended.stderr)]
            .into_iter()
            .flatten()
            .collect();
        events.push(call.event(status, ended.exit_code, ended.edits));
        events
    }

    /// The turn is over: what still runs comes to no end that is told.
    pub(super) fn abandon(&mut self) -> Vec<Event> {
        self.open.drain(..).map(|call| call.event(ToolStatus::Failed, None, Vec::new())).collect()
    }

    fn forget(&mut self) {
        let mut sizes: Vec<(usize, usize)> = self.open.iter().map(Call::size).collect();
        let mut total: usize = sizes.iter().map(|(facts, input)| facts + input).sum();
        for (call, (_, input)) in self.open.iter_mut().zip(&mut sizes) {
            if total > REMEMBERED {
                total -= std::mem::take(input);
                call.input = None;
                call.edits.clear();
            }
        }
        let mut forgotten = 0;
        for (facts, _) in sizes {
            if total > REMEMBERED {
                total -= facts;
                forgotten += 1;
            }
        }
        self.open.drain(..forgotten);
    }
}

/// How a call ended.
#[derive(Debug, Default, PartialEq)]
struct Ended {
    failed: bool,
    exit_code: Option<i32>,
    stdout: String,
    stderr: String,
    edits: Vec<Edit>,
}

impl Ended {
    fn read(name: &str, block: &Value, result: &Value) -> Self {
        let failed = block["is_error"].as_bool().unwrap_or(false);
        let said = text(&block["content"]);
        // A command that ran tells its two streams apart; of one that failed there is only a text.
        if let (Some(stdout), Some(stderr)) = (result["stdout"].as_str(), result["stderr"].as_str()) {
            let quiet = |field: &str| matches!(result[field], Value::Null | Value::Bool(false));
            let whole = ["interrupted", "returnCodeInterpretation", "backgroundTaskId"].into_iter().all(quiet);
            return Self {
                failed,
                exit_code: (whole && !failed).then_some(0),
                stdout: stdout.to_owned(),
                stderr: stderr.to_owned(),
                edits: Vec::new(),
            };
        }
        // Amp tells output and status of a command in one object.
        let told = (tool::kind(name) == ToolKind::Execute).then(|| serde_json::from_str::<Value>(&said).ok()).flatten();
        if let Some((output, code)) =
            told.as_ref().and_then(|told| Some((told["output"].as_str()?, told["exitCode"].as_i64()?)))
        {
            let exit_code = i32::try_from(code).ok();
            return Self { failed: failed || code != 0, exit_code, stdout: output.to_owned(), ..Self::default() };
        }
        match failed_with(&said).filter(|_| failed && name == "Bash") {
            Some((code, rest)) => Self { failed, exit_code: Some(code), stdout: rest.to_owned(), ..Self::default() },
            None => {
                let edits = if failed { None } else { tool::done(result) };
                Self { failed, stdout: said, edits: edits.into_iter().collect(), ..Self::default() }
            }
        }
    }
}

/// `Exit code 3`, and what follows on the next lines.
fn failed_with(said: &str) -> Option<(i32, &str)> {
    let (first, rest) = said.split_once('\n').unwrap_or((said, ""));
    Some((first.strip_prefix("Exit code ")?.trim().parse().ok()?, rest))
}

/// The text of a result: itself, or its blocks.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let block = |block: &Value| match block["text"].as_str() {
                Some(text) => text.to_owned(),
                None => format!("[{}]", block["type"].as_str().map(crop::name).unwrap_or_default()),
            };
            blocks.iter().map(block).collect::<Vec<_>>().join("\n")
        }
        Value::Null => String::new(),
        other => crop::value(&json!(other)).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bash(content: &str, is_error: bool, result: &Value) -> Ended {
        Ended::read("Bash", &json!({ "content": content, "is_error": is_error }), result)
    }

    #[test]
    fn a_command_tells_its_streams_and_that_it_ended_well() {
        let ended = bash("a", false, &json!({ "stdout": "a", "stderr": "b", "interrupted": false }));
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str(), ended.exit_code), ("a", "b", Some(0)));
    }

    #[test]
    fn a_command_that_fails_tells_its_status_in_words() {
        let ended = bash("Exit code 3\nhello", true, &json!("Error: Exit code 3\nhello"));
        assert_eq!((ended.failed, ended.exit_code, ended.stdout.as_str()), (true, Some(3), "hello"));
    }

    #[test]
    fn a_status_that_the_agent_interprets_or_never_saw_is_not_guessed() {
        let ran = |field: &str, value: Value| json!({ "stdout": "", "stderr": "", field: value });
        assert_eq!(bash("", false, &ran("returnCodeInterpretation", json!("No matches found"))).exit_code, None);
        assert_eq!(bash("", false, &ran("backgroundTaskId", json!("b1"))).exit_code, None);
        assert_eq!(bash("The user doesn't want this", true, &json!("User rejected")).exit_code, None);
    }

    #[test]
    fn what_is_remembered_of_many_huge_calls_is_small() {
        let mut calls = Calls::default();
        for number in 0..1000 {
            let input = json!({ "command": "\u{1}".repeat(1 << 16) });
            calls.begin(&json!({ "id": format!("call-{number}"), "name": "Bash", "input": input }), None, "/");
        }
        assert!(serde_json::to_string(&calls).is_ok_and(|saved| saved.len() <= REMEMBERED + 100));
        assert!(calls.abandon().len() > 50);
    }
}
