//! What a turn comes to, whichever events told it and in whichever pieces.

use std::collections::HashMap;

use sandboxed_model::{
    event::{EventBody, MessageRole, UsageSource},
    replay::Difference,
};
use serde_json::{Value, json};

/// Differences that are told of one turn.
const MAX_DIFFERENCES: usize = 100;
/// Characters that are shown before and after where two texts begin to differ.
const BEFORE: usize = 60;
const AFTER: usize = 240;

/// All that was told in one turn.
#[derive(Default)]
pub(super) struct Facts {
    /// In the order of their first telling.
    facts: Vec<(String, String)>,
    places: HashMap<String, usize>,
    /// How often something was told that has no id of its own.
    counts: HashMap<&'static str, u32>,
    used: [u64; 6],
    bytes: usize,
}

impl Facts {
    /// Bytes of what was told.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes one event. What only the server tells is nothing here.
    pub(super) fn add(&mut self, body: &EventBody) {
        match body {
            EventBody::Session(session) => self.set("session".to_owned(), session.id.clone()),
            EventBody::Message(message) if message.role != MessageRole::User => {
                self.append(format!("message {}", message.id), &message.text);
            }
            EventBody::Thought(thought) => self.append(format!("thought {}", thought.id), &thought.text),
            EventBody::ToolCall(call) => self.set(format!("tool call {}", call.id), json!(call).to_string()),
            EventBody::ToolOutput(output) => {
                let what = format!("{} of tool call {}", output.stream.as_str(), output.id);
                if output.omitted_bytes > 0 {
                    self.append(what.clone(), &format!("[{} bytes left out]", output.omitted_bytes));
                }
                self.append(what, &output.text);
            }
            EventBody::Plan(plan) => self.set("plan".to_owned(), json!(plan).to_string()),
            EventBody::Usage(usage) if usage.source == UsageSource::Harness && usage.reported.is_none() => {
                let parts = [
                    usage.input,
                    usage.output,
                    usage.cache_read,
                    usage.cache_write,
                    usage.reasoning,
                    usage.cost_micro_usd.unwrap_or_default(),
                ];
                self.used.iter_mut().zip(parts).for_each(|(sum, part)| *sum = sum.saturating_add(part));
                let [input, output, cache_read, cache_write, reasoning, cost_micro_usd] = self.used;
                let sum = json!({ "input": input, "output": output, "cache_read": cache_read,
                    "cache_write": cache_write, "reasoning": reasoning, "cost_micro_usd": cost_micro_usd });
                self.set("usage".to_owned(), sum.to_string());
            }
            EventBody::Notice(notice) => self.set(format!("notice {}", notice.code), notice.text.clone()),
            EventBody::Error(failure) => self.set(format!("problem {}", failure.code), failure.message.clone()),
            EventBody::Retry(retry) => self.next("retry", json!(retry)),
            EventBody::Other(other) => self.next("other", json!(other)),
            _ => {}
        }
    }

    /// Something that the agent asked; what the server made of it is left out.
    pub(super) fn asked(&mut self, what: Value) {
        self.next("ask", what);
    }

    /// How the turn ended, by the driver's word.
    pub(super) fn ended(&mut self, outcome: &str, reason: &str) {
        self.set("end".to_owned(), format!("{outcome}: {reason}"));
    }

    fn next(&mut self, kind: &'static str, value: Value) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let what = format!("{kind} {count}");
        self.set(what, value.to_string());
    }

    fn set(&mut self, what: String, value: String) {
        let at = self.place(what);
        self.bytes = self.bytes.saturating_sub(self.facts[at].1.len()) + value.len();
        self.facts[at].1 = value;
    }

    fn append(&mut self, what: String, text: &str) {
        let at = self.place(what);
        self.bytes += text.len();
        self.facts[at].1.push_str(text);
    }

    fn place(&mut self, what: String) -> usize {
        if let Some(at) = self.places.get(&what) {
            return *at;
        }
        self.facts.push((what.clone(), String::new()));
        self.places.insert(what, self.facts.len() - 1);
        self.facts.len() - 1
    }

    fn get(&self, what: &str) -> Option<&str> {
        self.places.get(what).map(|at| self.facts[*at].1.as_str())
    }

    /// What `derived` says otherwise.
    pub(super) fn differences(&self, derived: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let of_server = self.facts.iter().any(|(what, _)| what.starts_with("problem ") && derived.get(what).is_none());
        let theirs = derived.facts.iter().map(|(what, _)| what).filter(|what| self.get(what).is_none());
        for what in self.facts.iter().map(|(what, _)| what).chain(theirs) {
            let (recorded, now) = (self.get(what), derived.get(what));
            // The server tells these as well, and ends turns itself.
            let maybe_of_server = what.starts_with("notice ") || what.starts_with("problem ") || what == "end";
            let told_by_server = maybe_of_server && (now.is_none() || (what == "end" && of_server));
            if recorded == now || told_by_server {
                continue;
            }
            let (recorded, derived) = around(recorded, now);
            differences.push(Difference { what: what.clone(), recorded, derived });
            if differences.len() >= MAX_DIFFERENCES {
                break;
            }
        }
        differences
    }
}

/// Both texts from shortly before they begin to differ.
fn around(one: Option<&str>, other: Option<&str>) -> (Option<String>, Option<String>) {
    let same = match (one, other) {
        (Some(one), Some(other)) => one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    let skipped = same.saturating_sub(BEFORE);
    let shown = |text: &str| {
        let before = if skipped > 0 { "…" } else { "" };
        let rest = text.chars().skip(skipped);
        let after = if rest.clone().nth(BEFORE + AFTER).is_some() { "…" } else { "" };
        format!("{before}{}{after}", rest.take(BEFORE + AFTER).collect::<String>())
    };
    (one.map(shown), other.map(shown))
}

#[cfg(test)]
mod tests {
    use sandboxed_model::event::{Message, Notice, NoticeLevel};

    use super::*;

    fn said(facts: &mut Facts, id: &str, text: &str) {
        let (id, text) = (id.to_owned(), text.to_owned());
        facts.add(&EventBody::Message(Message {
            id,
            role: MessageRole::Agent,
            parent: None,
            text,
            attachments: Vec::new(),
        }));
    }

    #[test]
    fn pieces_of_a_text_come_to_the_same_as_the_whole() {
        let (mut one, mut other) = (Facts::default(), Facts::default());
        said(&mut one, "m", "hel");
        said(&mut one, "m", "lo");
        said(&mut other, "m", "hello");
        assert_eq!(one.differences(&other), []);
        assert_eq!(one.bytes(), other.bytes());
    }

    #[test]
    fn what_is_said_otherwise_what_is_missing_and_what_is_new_is_told() {
        let (mut one, mut other) = (Facts::default(), Facts::default());
        said(&mut one, "a", &format!("{}then this", "x".repeat(500)));
        said(&mut one, "b", "gone");
        said(&mut other, "a", &format!("{}then that", "x".repeat(500)));
        said(&mut other, "c", "new");

        let differences = one.differences(&other);

        let whats: Vec<_> = differences.iter().map(|difference| difference.what.as_str()).collect();
        assert_eq!(whats, ["message a", "message b", "message c"]);
        assert!(
            differences[0].derived.as_ref().is_some_and(|text| text.starts_with('…') && text.ends_with("then that"))
        );
        assert_eq!((&differences[1].derived, &differences[2].recorded), (&None, &None));
    }

    #[test]
    fn what_the_server_told_of_its_own_is_no_difference_and_what_a_driver_would_tell_is() {
        let notice = |code: &str| {
            let (code, text) = (code.to_owned(), "text".to_owned());
            EventBody::Notice(Notice { level: NoticeLevel::Info, code, text })
        };
        let (mut one, mut other) = (Facts::default(), Facts::default());
        one.add(&notice("install.progress"));
        assert_eq!(one.differences(&other), []);
        other.add(&notice("agent.not_json"));
        assert_eq!(one.differences(&other).len(), 1);
    }
}
