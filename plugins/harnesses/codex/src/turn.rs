//! What Codex tells of a turn while it works.

use sandboxed_sdk::harness::{Event, Notice, NoticeLevel, Outcome, PlanEntry, StepResult, ToolStatus, Usage};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    error::TurnError,
    item::Item,
    session::{CodexSession, Running, Stage},
    work::{Voice, is_id},
};

/// Notifications that tell nothing which is not told otherwise.
const SILENT: [&str; 20] = [
    "account/rateLimits/updated",
    "account/updated",
    "app/list/updated",
    "item/commandExecution/terminalInteraction",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/mcpToolCall/progress",
    "remoteControl/status/changed",
    "skills/changed",
    "thread/closed",
    "thread/compacted",
    "thread/goal/cleared",
    "thread/goal/updated",
    "thread/name/updated",
    "thread/readState/changed",
    "thread/settings/updated",
    "thread/started",
    "thread/status/changed",
    "turn/diff/updated",
    "turn/started",
];

/// Bytes of a notification that is not known which are shown.
const MAX_OTHER: usize = 16 << 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemTold {
    thread_id: String,
    item: Item,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta {
    thread_id: String,
    item_id: String,
    delta: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SummaryPart {
    thread_id: String,
    item_id: String,
    summary_index: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorTold {
    thread_id: String,
    error: TurnError,
    will_retry: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Completed {
    thread_id: String,
    turn: TurnTold,
}

#[derive(Debug, Deserialize)]
struct TurnTold {
    id: String,
    status: String,
    #[serde(default)]
    error: Option<TurnError>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokensTold {
    thread_id: String,
    turn_id: String,
    token_usage: Tokens,
}

#[derive(Debug, Deserialize)]
struct Tokens {
    /// Of the last request.
    last: Breakdown,
}

/// Of the input a part was read from a cache or written to one, and of the output a part was reasoning.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Breakdown {
    input_tokens: u64,
    #[serde(default)]
    cached_input_tokens: u64,
    #[serde(default)]
    cache_write_input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    reasoning_output_tokens: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanTold {
    thread_id: String,
    plan: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    step: String,
    status: String,
}

impl CodexSession {
    /// What a notification tells. One that cannot be read is passed on as it is.
    pub(crate) fn told(&mut self, method: String, params: Value, out: &mut StepResult) {
        // After the end of a turn other agents may still be at work.
        if SILENT.contains(&method.as_str()) || matches!(self.stage, Stage::Over) {
            return;
        }
        if self.take(&method, &params, out).is_none() {
            out.events.push(other(method, &params));
        }
    }

    /// Nothing where it is not known or cannot be read.
    fn take(&mut self, method: &str, params: &Value, out: &mut StepResult) -> Option<()> {
        match method {
            "item/started" => self.item_started(read(params)?, out),
            "item/completed" => self.item_completed(read(params)?, out),
            "item/agentMessage/delta" | "item/plan/delta" => self.text(Voice::Message, read(params)?, out),
            "item/reasoning/summaryTextDelta" | "item/reasoning/textDelta" => {
                self.text(Voice::Thought, read(params)?, out);
            }
            "item/reasoning/summaryPartAdded" => self.next_part(read(params)?, out),
            "item/commandExecution/outputDelta" => {
                let Delta { item_id, delta, .. } = read(params)?;
                out.events.extend(self.work.printed(&item_id, delta));
            }
            "turn/plan/updated" => self.planned(read(params)?, out),
            "thread/tokenUsage/updated" => self.used(&read(params)?, out),
            "error" => self.error(&read(params)?, out),
            "turn/completed" => self.completed(&read(params)?, out),
            "serverRequest/resolved" => out.events.extend(self.asked.resolved(&read(&params["requestId"])?)),
            "mcpServer/startupStatus/updated" => out.events.extend(server_failed(params)),
            "model/rerouted" => out.events.push(rerouted(params)),
            "warning" | "guardianWarning" => out.events.push(notice("codex.warning", &params["message"])),
            "configWarning" => out.events.push(notice("codex.config_warning", &params["summary"])),
            "deprecationNotice" => out.events.push(notice("codex.deprecated", &params["summary"])),
            _ => return None,
        }
        Some(())
    }

    fn item_started(&mut self, told: ItemTold, out: &mut StepResult) {
        let Some(parent) = self.place(&told.thread_id, &told.item) else { return };
        if let Stage::Running(_) = &self.stage {
            out.events.extend(self.work.started(&told.item, &self.facts.tree, parent));
        }
    }

    fn item_completed(&mut self, told: ItemTold, out: &mut StepResult) {
        let Some(parent) = self.place(&told.thread_id, &told.item) else { return };
        let Stage::Running(_) = &self.stage else { return };
        if let Item::ContextCompaction {} = told.item {
            let text = Value::from("Codex summed up the conversation to make room in the model's context");
            out.events.push(Event::Notice(Notice { level: NoticeLevel::Info, ..notice_of("codex.compacted", &text) }));
        }
        out.events.extend(self.work.completed(&told.item, &self.facts.tree, parent));
    }

    /// The call within which an item was made; nothing where its id is none.
    fn place(&self, thread: &str, item: &Item) -> Option<Option<String>> {
        let fits = item.tool_call("", false).is_none_or(|call| is_id(&call.id));
        fits.then(|| self.work.caller(thread))
    }

    fn text(&mut self, voice: Voice, told: Delta, out: &mut StepResult) {
        if is_id(&told.item_id) {
            let parent = self.work.caller(&told.thread_id);
            out.events.extend(self.work.text(voice, told.item_id, parent, told.delta));
        }
    }

    /// The parts of a thought are paragraphs.
    fn next_part(&mut self, told: SummaryPart, out: &mut StepResult) {
        if told.summary_index > 0 && self.work.has_text(&told.item_id) {
            let SummaryPart { thread_id, item_id, .. } = told;
            self.text(Voice::Thought, Delta { thread_id, item_id, delta: "\n\n".to_owned() }, out);
        }
    }

    fn planned(&self, told: PlanTold, out: &mut StepResult) {
        if self.turn().is_some_and(|running| running.thread == told.thread_id) {
            let entry = |step: Step| PlanEntry {
                text: step.step,
                status: match step.status.as_str() {
                    "completed" => ToolStatus::Completed,
                    "inProgress" => ToolStatus::Running,
                    _ => ToolStatus::Pending,
                },
            };
            out.events.push(Event::Plan(told.plan.into_iter().map(entry).collect()));
        }
    }

    /// When a thread is resumed the usage of its last turn is told again, under that turn's id.
    fn used(&self, told: &TokensTold, out: &mut StepResult) {
        let Some(running) = self.turn() else { return };
        let own = told.thread_id == running.thread;
        if own && running.turn.as_deref() != Some(&told.turn_id) {
            return;
        }
        let last = &told.token_usage.last;
        let cached = last.cached_input_tokens.saturating_add(last.cache_write_input_tokens);
        let model = if own { None } else { self.work.model_of(&told.thread_id) };
        out.events.push(Event::Usage(Usage {
            model: model.or_else(|| running.model.clone()),
            input: last.input_tokens.saturating_sub(cached),
            output: last.output_tokens.saturating_sub(last.reasoning_output_tokens),
            cache_read: last.cached_input_tokens,
            cache_write: last.cache_write_input_tokens,
            reasoning: last.reasoning_output_tokens,
            cost_micro_usd: None,
        }));
    }

    fn error(&mut self, told: &ErrorTold, out: &mut StepResult) {
        if told.will_retry {
            out.events.push(Event::Retry(told.error.retry()));
            return;
        }
        // `turn/completed` tells it again.
        self.failed |= self.turn().is_some_and(|running| running.thread == told.thread_id);
        out.events.push(Event::Problem(told.error.failure()));
    }

    /// Another agent's turn that is over is not this one.
    fn completed(&mut self, told: &Completed, out: &mut StepResult) {
        let own = |running: &Running| {
            running.thread == told.thread_id && running.turn.as_ref().is_none_or(|turn| *turn == told.turn.id)
        };
        if !self.turn().is_some_and(own) {
            return;
        }
        let failure = told.turn.error.as_ref().map(TurnError::failure);
        match (told.turn.status.as_str(), failure) {
            ("completed", _) => self.end(Outcome::Completed, "Codex is done".to_owned(), out),
            ("interrupted", _) => self.end(Outcome::Interrupted, "the turn was interrupted".to_owned(), out),
            (_, Some(failure)) if self.failed => self.end(Outcome::Failed, failure.message, out),
            (_, Some(failure)) => self.fail(failure, out),
            (status, None) => self.end(Outcome::Failed, format!("Codex says that the turn is {status:?}"), out),
        }
    }

    fn turn(&self) -> Option<&Running> {
        if let Stage::Running(running) = &self.stage { Some(running) } else { None }
    }
}

fn read<T: DeserializeOwned>(params: &Value) -> Option<T> {
    T::deserialize(params).ok()
}

fn server_failed(params: &Value) -> Option<Event> {
    let (name, "failed") = (params["name"].as_str()?, params["status"].as_str()?) else { return None };
    let why = params["error"].as_str().unwrap_or("it does not say why");
    let text = format!("the MCP server {name} is not there: {why}");
    Some(notice("codex.mcp_server_failed", &Value::from(text)))
}

fn rerouted(params: &Value) -> Event {
    let model = |name: &str| params[name].as_str().unwrap_or("another model").to_owned();
    let text = format!("the provider answers with {} in place of {}", model("toModel"), model("fromModel"));
    notice("codex.model_rerouted", &Value::from(text))
}

fn notice(code: &str, text: &Value) -> Event {
    Event::Notice(notice_of(code, text))
}

fn notice_of(code: &str, text: &Value) -> Notice {
    let text = text.as_str().unwrap_or_default().to_owned();
    Notice { level: NoticeLevel::Warning, code: code.to_owned(), text }
}

/// Something that is not known. Where it is long only its length is told.
pub(crate) fn other(method: String, params: &Value) -> Event {
    let text = params.to_string();
    match text.len() {
        0..=MAX_OTHER => Event::Other((method, text)),
        length => Event::Other((method, serde_json::json!({ "bytes": length }).to_string())),
    }
}
