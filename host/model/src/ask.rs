//! What agents ask people in the middle of a turn, what is answered, and the rules that answer in a person's place.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AskId, MissionId, RuleId, Timestamp, UserId, WorkspaceId, event::ToolKind};

/// Whether agents ask before they do something that may do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalMode {
    /// They ask for nothing: the workspace is what holds them.
    #[default]
    Bypass,
    /// They ask; rules or a person answer.
    Ask,
}

/// What an agent is to do with what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkMode {
    /// Do it.
    #[default]
    Act,
    /// Say how it would do it, and change nothing.
    Plan,
}

/// How something that an agent asked stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskStatus {
    /// It waits for an answer.
    Open,
    /// The agent may do it.
    Approved,
    /// The agent may not.
    Denied,
    /// A question has its answer.
    Answered,
    /// The agent waits for it no longer.
    Withdrawn,
}

/// Who gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// A person.
    User(UserId),
    /// A rule that a person made.
    Rule(RuleId),
    /// A rule of the configuration.
    Config,
    /// Nobody, in time.
    Timeout,
}

/// Something that an agent wants to do, for which it waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Its id.
    pub id: AskId,
    /// How it stands.
    pub status: AskStatus,
    /// The tool call that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call: Option<String>,
    /// What a person reads first.
    pub title: String,
    /// What it does. (`kind` is the event's own.)
    pub tool_kind: ToolKind,
    /// The agent's own name of the tool.
    pub tool: String,
    /// What rules look at: the whole command, the path, the address.
    pub subject: String,
    /// What the tool would be called with.
    pub input: serde_json::Value,
    /// Why the agent asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it counts as denied unless somebody decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Decider>,
    /// Why so, for the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// What is chosen.
    pub label: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// One of the questions that are asked together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionItem {
    /// The question.
    pub text: String,
    /// What can be chosen; empty where any text will do.
    pub choices: Vec<Choice>,
    /// Several can be chosen.
    pub multiple: bool,
    /// A text of one's own will do as well.
    pub free_text: bool,
}

/// Something that an agent wants to know, for which it waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// Its id.
    pub id: AskId,
    /// How it stands.
    pub status: AskStatus,
    /// The tool call that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call: Option<String>,
    /// What is asked.
    pub items: Vec<QuestionItem>,
    /// When it counts as not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Who answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Decider>,
    /// For each item what was chosen or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Vec<Vec<String>>>,
}

/// Something that an agent asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ask {
    /// Whether it may do something.
    Approval(Approval),
    /// Something that it wants to know.
    Question(Question),
}

impl Ask {
    /// Its id.
    pub const fn id(&self) -> AskId {
        match self {
            Self::Approval(approval) => approval.id,
            Self::Question(question) => question.id,
        }
    }

    /// How it stands.
    pub const fn status(&self) -> AskStatus {
        match self {
            Self::Approval(approval) => approval.status,
            Self::Question(question) => question.status,
        }
    }

    /// When it counts as denied, or not answered.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Approval(approval) => approval.expires_at,
            Self::Question(question) => question.expires_at,
        }
    }

    /// The agent waits for it no longer.
    #[must_use]
    pub fn withdrawn(mut self) -> Self {
        match &mut self {
            Self::Approval(approval) => approval.status = AskStatus::Withdrawn,
            Self::Question(question) => question.status = AskStatus::Withdrawn,
        }
        self
    }

    /// Nobody answered in time.
    #[must_use]
    pub fn expired(mut self) -> Self {
        match &mut self {
            Self::Approval(approval) => {
                approval.status = AskStatus::Denied;
                approval.by = Some(Decider::Timeout);
                approval.answer = Some("nobody answered in time".to_owned());
            }
            Self::Question(question) => {
                question.status = AskStatus::Answered;
                question.by = Some(Decider::Timeout);
            }
        }
        self
    }
}

/// How long a decision goes on to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionScope {
    /// For this one thing.
    #[default]
    Once,
    /// For the like of it in this mission.
    Mission,
    /// For the like of it in all missions of the workspace.
    Workspace,
}

/// What a person says to something that an agent wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may.
    pub approved: bool,
    /// Why, for the agent.
    pub reason: Option<String>,
    /// How long this holds.
    pub scope: DecisionScope,
    /// What else is the like of it, as in [`ApprovalRule::pattern`]; absent: what has the same subject.
    pub pattern: Option<String>,
    /// For how many seconds a decision of a wider scope holds; absent: until somebody removes it.
    pub seconds: Option<u32>,
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may be done.
    Allow,
    /// It may not.
    Deny,
}

/// Where a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleScope {
    /// In one mission.
    Mission(MissionId),
    /// In all missions of a workspace.
    Workspace(WorkspaceId),
}

/// A decision that goes on to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalRule {
    /// Its id.
    pub id: RuleId,
    /// Where it holds.
    pub scope: RuleScope,
    /// What it says.
    pub verdict: Verdict,
    /// What kind of tool it is about.
    pub tool_kind: ToolKind,
    /// The subject, in which `*` stands for any text. In a command it stands for nothing that would join another command
    /// to it.
    pub pattern: String,
    /// Who made it.
    pub made_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A rule of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigRule {
    /// What it says.
    pub verdict: Verdict,
    /// What kind of tool it is about; absent: every kind.
    pub tool_kind: Option<ToolKind>,
    /// As in [`ApprovalRule::pattern`].
    pub pattern: String,
}

/// What in a command begins another one, or hides one.
const JOINING: [char; 13] = [';', '&', '|', '<', '>', '$', '`', '\n', '\r', '(', ')', '{', '}'];

/// Whether a subject is one that the pattern means: `*` stands for any text, in a command (`Execute`) for none that could
/// hold another command.
pub fn matches(pattern: &str, kind: ToolKind, subject: &str) -> bool {
    let free = |text: &str| kind != ToolKind::Execute || !text.contains(JOINING);
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = subject.strip_prefix(first) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        if !free(&rest[..at]) {
            return false;
        }
        rest = &rest[at + piece.len()..];
    }
    rest.strip_suffix(last).is_some_and(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_all_else_for_itself() {
        for (pattern, subject, meant) in [
            ("npm test", "npm test", true),
            ("npm test", "npm test --all", false),
            ("npm *", "npm test --all", true),
            ("npm *", "npm", false),
            ("*", "anything", true),
            ("*.rs", "src/main.rs", true),
            ("*.rs", "src/main.rs.bak", false),
            ("git * --dry-run", "git push --dry-run", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, ToolKind::Execute, subject), meant, "{pattern:?} and {subject:?}");
        }
    }

    #[test]
    fn no_star_lets_a_second_command_pass() {
        for subject in [
            "npm test; rm -rf /",
            "npm test && rm -rf /",
            "npm test | sh",
            "npm $(rm -rf /)",
            "npm `rm`",
            "npm test\nrm -rf /",
            "npm test > /etc/passwd",
            "npm <(rm)",
        ] {
            assert!(!matches("npm *", ToolKind::Execute, subject), "{subject:?}");
        }
        assert!(matches("npm test && npm run *", ToolKind::Execute, "npm test && npm run lint"));
        assert!(matches("*", ToolKind::Edit, "a file with $ and (brackets)"));
    }

    #[test]
    fn what_nobody_decides_in_time_is_denied() {
        let approval = Approval {
            id: AskId::new(),
            status: AskStatus::Open,
            tool_call: None,
            title: "rm".to_owned(),
            tool_kind: ToolKind::Execute,
            tool: "Bash".to_owned(),
            subject: "rm x".to_owned(),
            input: serde_json::json!({}),
            reason: None,
            expires_at: None,
            by: None,
            answer: None,
        };
        let Ask::Approval(expired) = Ask::Approval(approval).expired() else { panic!("it is an approval") };
        assert_eq!((expired.status, expired.by), (AskStatus::Denied, Some(Decider::Timeout)));
    }
}
