//! What OpenCode asks of the person, and the request that answers it.

use sandboxed_protocol::title::first_line;
use sandboxed_sdk::harness::{Answer, Approval, Choice, Decision, Event, Question, QuestionItem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    part::{kind, subject},
    work::is_id,
};

/// Requests that wait for a person at the same time.
const MAX_WAITING: usize = 32;
/// Questions of one request.
const MAX_QUESTIONS: usize = 8;
/// What the agent is told of a refusal without a reason. OpenCode ends the turn at a refusal without words.
const REFUSED: &str = "The person does not allow this.";

/// What waits for a person. OpenCode's own ids are unique in a mission.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Asked {
    waiting: Vec<Waiting>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    id: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Kind {
    Permission,
    Question,
}

/// A request of OpenCode's HTTP interface.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// OpenCode wants to do something (`permission.asked`).
#[derive(Debug, Deserialize)]
pub(crate) struct Permission {
    id: String,
    permission: String,
    #[serde(default)]
    patterns: Vec<String>,
    #[serde(default)]
    metadata: Value,
    pub(crate) tool: Option<Place>,
}

/// Where in a conversation something is asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Place {
    #[serde(rename = "callID")]
    pub(crate) call_id: String,
}

/// OpenCode asks something (`question.asked`).
#[derive(Debug, Deserialize)]
pub(crate) struct Questions {
    id: String,
    questions: Vec<Item>,
    pub(crate) tool: Option<Place>,
}

#[derive(Debug, Deserialize)]
struct Item {
    question: String,
    #[serde(default)]
    options: Vec<Choosable>,
    #[serde(default)]
    multiple: bool,
    custom: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Choosable {
    label: String,
    description: Option<String>,
}

impl Permission {
    /// The answer that needs no person.
    pub(crate) fn allow(&self) -> Option<Reply> {
        is_id(&self.id).then(|| decided(&self.id, true, None))
    }

    /// The files that a patch changes, and those that they become.
    fn files(&self) -> Vec<&str> {
        let files = self.metadata["files"].as_array().map(Vec::as_slice).unwrap_or_default();
        files.iter().flat_map(|file| ["filePath", "movePath"].map(|name| file[name].as_str())).flatten().collect()
    }

    /// For the rules: the whole command, the address, or all paths and patterns, one a line. `path` is what the call
    /// reads, where that is known.
    fn subject(&self, path: Option<&str>) -> String {
        // Patterns of a command are its parts, and those of a file are relative to a directory that is not told.
        let files = self.files();
        let whole = match self.permission.as_str() {
            "edit" if !files.is_empty() => return files.join("\n"),
            "edit" => self.metadata["filepath"].as_str(),
            "read" => path,
            permission => subject(permission, &self.metadata),
        };
        match whole {
            Some(whole) => whole.to_owned(),
            None if self.patterns.iter().all(|pattern| pattern == "*") => self.permission.clone(),
            None => self.patterns.join("\n"),
        }
    }
}

impl Asked {
    /// Asks a person. Where too many wait already, the answer is no.
    pub(crate) fn permission(
        &mut self,
        asked: &Permission,
        call: Option<String>,
        path: Option<&str>,
    ) -> Result<Event, Option<Reply>> {
        self.wait(&asked.id, Kind::Permission)?;
        let subject = asked.subject(path);
        Ok(Event::Approval(Approval {
            id: asked.id.clone(),
            tool_call: call,
            title: first_line(&subject),
            kind: kind(&asked.permission),
            tool: asked.permission.clone(),
            subject,
            input: asked.metadata.to_string(),
            reason: (asked.permission == "doom_loop").then(|| "it did the same several times".to_owned()),
        }))
    }

    /// Asks a person. Where too many wait already, nobody answers.
    pub(crate) fn question(&mut self, asked: Questions, call: Option<String>) -> Result<Event, Option<Reply>> {
        if asked.questions.is_empty() || asked.questions.len() > MAX_QUESTIONS {
            return Err(is_id(&asked.id).then(|| no(&asked.id, Kind::Question)));
        }
        self.wait(&asked.id, Kind::Question)?;
        let items = asked.questions.into_iter().map(item).collect();
        Ok(Event::Question(Question { id: asked.id, tool_call: call, items }))
    }

    fn wait(&mut self, id: &str, kind: Kind) -> Result<(), Option<Reply>> {
        if !is_id(id) {
            return Err(None);
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(Some(no(id, kind)));
        }
        self.waiting.push(Waiting { id: id.to_owned(), kind });
        Ok(())
    }

    /// A decision, as the request that tells it. Nothing where nobody waits.
    pub(crate) fn decide(&mut self, decision: &Decision) -> Option<Reply> {
        self.take(&decision.id)?;
        Some(decided(&decision.id, decision.approved, decision.reason.as_deref()))
    }

    /// An answer, as the request that tells it. Nothing where nobody waits.
    pub(crate) fn answer(&mut self, answer: Answer) -> Option<Reply> {
        self.take(&answer.id)?;
        Some(match answer.answers {
            Some(answers) => {
                Reply { path: format!("/question/{}/reply", answer.id), body: json!({ "answers": answers }) }
            }
            None => no(&answer.id, Kind::Question),
        })
    }

    /// OpenCode waits no longer for this one.
    pub(crate) fn resolved(&mut self, id: &str) -> Option<Event> {
        self.take(id).map(|waiting| Event::Withdrawn(waiting.id))
    }

    /// OpenCode waits for nothing any more.
    pub(crate) fn withdraw(&mut self) -> Vec<Event> {
        self.waiting.drain(..).map(|waiting| Event::Withdrawn(waiting.id)).collect()
    }

    fn take(&mut self, id: &str) -> Option<Waiting> {
        let place = self.waiting.iter().position(|waiting| waiting.id == id)?;
        Some(self.waiting.remove(place))
    }
}

fn decided(id: &str, approved: bool, reason: Option<&str>) -> Reply {
    let body = match approved {
        true => json!({ "reply": "once" }),
        false => json!({ "reply": "reject", "message": reason.unwrap_or(REFUSED) }),
    };
    Reply { path: format!("/permission/{id}/reply"), body }
}

fn no(id: &str, kind: Kind) -> Reply {
    match kind {
        Kind::Permission => decided(id, false, None),
        Kind::Question => Reply { path: format!("/question/{id}/reject"), body: json!({}) },
    }
}

fn item(item: Item) -> QuestionItem {
    let choice = |option: Choosable| Choice { label: option.label, description: option.description };
    QuestionItem {
        text: item.question,
        free_text: item.options.is_empty() || item.custom != Some(false),
        choices: item.options.into_iter().map(choice).collect(),
        multiple: item.multiple,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(id: &str, permission: &str, patterns: &[&str], metadata: Value) -> Permission {
        let asked = json!({ "id": id, "permission": permission, "patterns": patterns, "metadata": metadata });
        serde_json::from_value(asked).expect("a permission")
    }

    #[test]
    fn the_subject_is_the_whole_command_the_whole_path_or_what_the_patterns_say() {
        let subject = |name: &str, patterns: &[&str], metadata| {
            permission("p", name, patterns, metadata).subject(Some("/w/.env"))
        };
        assert_eq!(
            subject("bash", &["cd /", "rm -rf x"], json!({ "command": "cd / && rm -rf x" })),
            "cd / && rm -rf x"
        );
        assert_eq!(subject("edit", &["a.txt"], json!({ "filepath": "/w/a.txt" })), "/w/a.txt");
        let files = json!([{ "filePath": "/w/a" }, { "filePath": "/w/b", "movePath": "/x/b" }]);
        let patch = json!({ "filepath": "a, b", "files": files });
        assert_eq!(subject("edit", &["a", "b"], patch), "/w/a\n/w/b\n/x/b");
        assert_eq!(subject("read", &["w/.env"], json!({})), "/w/.env");
        assert_eq!(subject("external_directory", &["/etc/*"], json!({})), "/etc/*");
        assert_eq!(subject("docs_search", &["*"], json!({})), "docs_search");
    }

    #[test]
    fn a_refusal_always_has_words() {
        let mut asked = Asked::default();
        asked.permission(&permission("per_1", "bash", &[], json!({})), None, None).expect("it is asked");
        let decision = Decision { id: "per_1".to_owned(), approved: false, reason: None };
        let reply = asked.decide(&decision).expect("a reply");
        assert_eq!(reply.path, "/permission/per_1/reply");
        assert_eq!(reply.body, json!({ "reply": "reject", "message": REFUSED }));
        assert_eq!(asked.decide(&decision), None);
    }

    #[test]
    fn no_more_wait_than_fit_and_the_rest_is_refused() {
        let mut asked = Asked::default();
        for number in 0..MAX_WAITING {
            asked.permission(&permission(&format!("p{number}"), "bash", &[], json!({})), None, None).expect("room");
        }
        let refused = asked.permission(&permission("more", "bash", &[], json!({})), None, None);
        assert!(matches!(refused, Err(Some(reply)) if reply.body["reply"] == "reject"));
        assert_eq!(asked.withdraw().len(), MAX_WAITING);
    }

    #[test]
    fn an_id_that_would_lead_to_another_address_is_not_answered() {
        let refused = Asked::default().permission(&permission("../session", "bash", &[], json!({})), None, None);
        assert_eq!(refused, Err(None));
    }
}
