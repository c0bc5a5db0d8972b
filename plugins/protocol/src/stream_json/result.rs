//! The line that ends a turn: how it ended, and what it used.

use sandboxed_sdk::{
    Failure,
    harness::{Event, Outcome, TurnEnd, Usage},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::crop;
use crate::trouble::Trouble;

/// Models that one turn can use.
const MODELS: usize = 16;

/// How a turn ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) end: TurnEnd,
    pub(super) problem: Option<Failure>,
    /// The session that was to be continued is not known.
    pub(super) lost: bool,
}

impl Ended {
    /// Reads a line of the type `result`. `success` may be an error all the same: the other fields decide.
    pub(super) fn read(line: &Value) -> Self {
        let terminal = line["terminal_reason"].as_str().unwrap_or_default();
        let subtype = line["subtype"].as_str().unwrap_or_default();
        if terminal.starts_with("aborted") {
            return Self::plain(Outcome::Interrupted, "the agent was interrupted".to_owned());
        }
        let failed = line["is_error"].as_bool().unwrap_or(subtype != "success");
        if !failed {
            return Self::plain(
                Outcome::Completed,
                match line["stop_reason"].as_str() {
                    None | Some("end_turn" | "stop_sequence") => "the agent ended its turn".to_owned(),
                    Some(reason) => format!("the agent stopped: {}", crop::start(reason, 100)),
                },
            );
        }
        let said = said(line);
        let trouble = trouble(line, subtype, terminal, &said);
        let problem = trouble.failure(&said);
        Self {
            end: TurnEnd { outcome: Outcome::Failed, reason: problem.message.clone() },
            lost: trouble == Trouble::SessionLost,
            problem: Some(problem),
        }
    }

    fn plain(outcome: Outcome, reason: String) -> Self {
        Self { end: TurnEnd { outcome, reason }, problem: None, lost: false }
    }
}

/// What the agent says of the error.
fn said(line: &Value) -> String {
    let errors = line["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let errors = errors.chain(line["error"].as_str()).collect::<Vec<_>>().join("; ");
    if errors.is_empty() { line["result"].as_str().unwrap_or_default().to_owned() } else { errors }
}

fn trouble(line: &Value, subtype: &str, terminal: &str, said: &str) -> Trouble {
    if matches!(subtype, "error_max_turns" | "error_max_budget_usd") {
        return Trouble::LimitReached;
    }
    if terminal == "prompt_too_long" {
        return Trouble::ContextFull;
    }
    let status = line["api_error_status"].as_u64().and_then(|status| u16::try_from(status).ok());
    // A 400 covers much that the words tell apart: a conversation that is too long, no credit.
    match status.and_then(Trouble::from_status) {
        Some(Trouble::InvalidRequest) | None => {}
        Some(trouble) => return trouble,
    }
    let words = format!("{} {said}", line["api_error"].as_str().unwrap_or_default());
    Trouble::from_text(&words).unwrap_or(if status.is_some() { Trouble::InvalidRequest } else { Trouble::Other })
}

/// What was used since the result before: by model, as Claude Code tells it. Its other sums begin with the session.
pub(super) fn usage(line: &Value) -> Vec<Event> {
    let models = line["model_usage_since_last_result"].as_object();
    models.into_iter().flatten().take(MODELS).map(|(model, used)| Event::Usage(of_model(model, used))).collect()
}

fn of_model(model: &str, used: &Value) -> Usage {
    let count = |field: &str| used[field].as_u64().unwrap_or_default();
    let reasoning = count("thinkingTokens");
    // What the program does not know the price of it invents one for.
    let cost = used["costUSD"].as_f64().filter(|_| used["costBasis"] != "unknown");
    Usage {
        model: Some(crop::name(model)),
        input: count("inputTokens"),
        // Thoughts are counted as output by the provider.
        output: count("outputTokens").saturating_sub(reasoning),
        cache_read: count("cacheReadInputTokens"),
        cache_write: count("cacheCreationInputTokens"),
        reasoning,
        cost_micro_usd: cost.and_then(micro_usd),
    }
}

fn micro_usd(dollars: f64) -> Option<u64> {
    let micro = (dollars * 1e6).round();
    // A million dollars in one turn is no figure but a fault.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (0.0..1e12).contains(&micro).then_some(micro as u64)
}

/// What messages used where the result tells nothing of it, as Amp's does not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
}

impl Tally {
    /// Adds the `usage` of a message. Amp counts cached input as input too: its own example tells 12783 tokens of
    /// input, of which 12416 were read from the cache and 367 written to it.
    pub(super) fn add(&mut self, usage: &Value) {
        let count = |field: &str| usage[field].as_u64().unwrap_or_default();
        let (read, write) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
        let input = count("input_tokens");
        let uncached = input.checked_sub(read.saturating_add(write)).unwrap_or(input);
        self.input = self.input.saturating_add(uncached);
        self.output = self.output.saturating_add(count("output_tokens"));
        self.cache_read = self.cache_read.saturating_add(read);
        self.cache_write = self.cache_write.saturating_add(write);
    }

    /// All that was added, and begins anew.
    pub(super) fn take(&mut self) -> Option<Event> {
        let Self { input, output, cache_read, cache_write } = std::mem::take(self);
        let used = Usage { model: None, input, output, cache_read, cache_write, reasoning: 0, cost_micro_usd: None };
        (input.max(output).max(cache_read).max(cache_write) > 0).then_some(Event::Usage(used))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(line: &Value) -> Option<String> {
        Ended::read(line).problem.map(|problem| problem.code)
    }

    #[test]
    fn a_success_that_is_an_error_has_failed() {
        let line =
            json!({ "subtype": "success", "is_error": true, "terminal_reason": "api_error", "api_error_status": 500 });
        assert_eq!(Ended::read(&line).end.outcome, Outcome::Failed);
        assert_eq!(code(&line).as_deref(), Some("agent.server_error"));
    }

    #[test]
    fn a_bad_request_is_what_the_words_say() {
        let of = |said: &str| code(&json!({ "is_error": true, "api_error_status": 400, "result": said }));
        assert_eq!(of("Credit balance is too low").as_deref(), Some("agent.no_credit"));
        assert_eq!(of("API Error: 400 no such field").as_deref(), Some("agent.invalid_request"));
        assert_eq!(of("hm").as_deref(), Some("agent.invalid_request"));
    }

    #[test]
    fn a_session_that_is_not_known_is_told_as_lost() {
        let errors = ["No conversation found with session ID: 1"];
        let ended = Ended::read(&json!({ "subtype": "error_during_execution", "is_error": true, "errors": errors }));
        assert!(ended.lost);
    }

    #[test]
    fn counters_never_overlap_and_an_invented_price_is_not_told() {
        let used = json!({
            "inputTokens": 10, "outputTokens": 9, "thinkingTokens": 4, "cacheReadInputTokens": 100,
            "cacheCreationInputTokens": 7, "costUSD": 0.25, "costBasis": "list",
        });
        let usage = of_model("m", &used);
        assert_eq!((usage.input, usage.output, usage.reasoning), (10, 5, 4));
        assert_eq!((usage.cache_read, usage.cache_write, usage.cost_micro_usd), (100, 7, Some(250_000)));
        assert_eq!(of_model("m", &json!({ "costUSD": 1.0, "costBasis": "unknown" })).cost_micro_usd, None);
        assert_eq!(of_model("m", &json!({ "costUSD": -1e300 })).cost_micro_usd, None);
    }
}
