//! What a turn is made of, as Codex tells it, and the tool calls among it.

use sandboxed_protocol::{
    diff,
    title::{first_line, path_within},
};
use sandboxed_sdk::harness::{Edit, ToolCall, ToolKind, ToolStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::shell;

/// One item of a turn (`ThreadItem`).
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Item {
    AgentMessage {
        id: String,
        #[serde(default)]
        text: String,
    },
    /// The plan that a turn in plan mode ends with.
    Plan {
        id: String,
        #[serde(default)]
        text: String,
    },
    Reasoning {
        id: String,
        #[serde(default)]
        summary: Vec<String>,
        #[serde(default)]
        content: Vec<String>,
    },
    CommandExecution(Execution),
    FileChange(Change),
    McpToolCall(McpCall),
    DynamicToolCall(DynamicCall),
    CollabAgentToolCall(AgentCall),
    WebSearch {
        id: String,
        #[serde(default)]
        query: String,
        #[serde(default)]
        action: Value,
    },
    ImageView {
        id: String,
        path: String,
    },
    ContextCompaction {},
    UserMessage {},
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Execution {
    pub(crate) id: String,
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) cwd: Option<String>,
    pub(crate) status: Status,
    /// All that it printed; absent while it runs, and where it printed nothing.
    #[serde(default)]
    pub(crate) aggregated_output: Option<String>,
    #[serde(default)]
    pub(crate) exit_code: Option<i32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    pub(crate) id: String,
    pub(crate) changes: Vec<FileChange>,
    pub(crate) status: Status,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FileChange {
    path: String,
    kind: ChangeKind,
    /// Unified for an update; the whole text of a file that is added or deleted.
    diff: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum ChangeKind {
    Add,
    Delete,
    Update { move_path: Option<String> },
}

#[derive(Debug, Deserialize)]
pub(crate) struct McpCall {
    pub(crate) id: String,
    pub(crate) server: String,
    pub(crate) tool: String,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) arguments: Value,
    #[serde(default)]
    pub(crate) result: Option<McpResult>,
    #[serde(default)]
    pub(crate) error: Option<McpError>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct McpResult {
    pub(crate) content: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct McpError {
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DynamicCall {
    pub(crate) id: String,
    pub(crate) tool: String,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) arguments: Value,
    #[serde(default)]
    pub(crate) content_items: Option<Vec<Value>>,
}

/// Something that is done with another agent, which is a thread of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentCall {
    pub(crate) id: String,
    pub(crate) tool: String,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) prompt: Option<String>,
    #[serde(default)]
    pub(crate) model: Option<String>,
    #[serde(default)]
    pub(crate) receiver_thread_ids: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    InProgress,
    Completed,
    /// It went wrong, was declined, was interrupted.
    #[serde(other)]
    Failed,
}

impl Status {
    fn tool(self) -> ToolStatus {
        match self {
            Self::InProgress => ToolStatus::Running,
            Self::Completed => ToolStatus::Completed,
            Self::Failed => ToolStatus::Failed,
        }
    }
}

impl Item {
    /// The tool call that it is, where it is one. `over` tells of the items that have no status of their own.
    pub(crate) fn tool_call(&self, tree: &str, over: bool) -> Option<ToolCall> {
        let plain = if over { ToolStatus::Completed } else { ToolStatus::Running };
        let call = |id: &str, title: String, kind, status, input: Value| ToolCall {
            id: id.to_owned(),
            parent: None,
            title: first_line(&title),
            kind,
            status,
            input: input.to_string(),
            exit_code: None,
            edits: Vec::new(),
        };
        Some(match self {
            Self::CommandExecution(run) => {
                let script = shell::script(&run.command);
                let input = json!({ "command": script, "cwd": run.cwd });
                let call = call(&run.id, script, ToolKind::Execute, run.status.tool(), input);
                ToolCall { exit_code: run.exit_code, ..call }
            }
            Self::FileChange(change) => {
                let deletes = change.changes.iter().all(|change| matches!(change.kind, ChangeKind::Delete));
                let kind = if deletes { ToolKind::Delete } else { ToolKind::Edit };
                let input = json!({ "paths": change.paths() });
                let edits = change.changes.iter().filter_map(FileChange::edit).collect();
                ToolCall { edits, ..call(&change.id, change.title(tree), kind, change.status.tool(), input) }
            }
            Self::McpToolCall(mcp) => {
                let title = format!("{}.{}", mcp.server, mcp.tool);
                call(&mcp.id, title, ToolKind::Other, mcp.status.tool(), mcp.arguments.clone())
            }
            Self::DynamicToolCall(tool) => {
                call(&tool.id, tool.tool.clone(), ToolKind::Other, tool.status.tool(), tool.arguments.clone())
            }
            Self::CollabAgentToolCall(agent) => {
                let title = match &agent.prompt {
                    Some(prompt) => format!("{}: {prompt}", agent.tool),
                    None => agent.tool.clone(),
                };
                let input = json!({ "prompt": agent.prompt, "agents": agent.receiver_thread_ids });
                call(&agent.id, title, ToolKind::Other, agent.status.tool(), input)
            }
            Self::WebSearch { id, query, action } => {
                let input = json!({ "query": query, "action": action });
                call(id, query.clone(), ToolKind::Fetch, plain, input)
            }
            Self::ImageView { id, path } => {
                call(id, path_within(tree, path).to_owned(), ToolKind::Read, plain, json!({ "path": path }))
            }
            Self::AgentMessage { .. }
            | Self::Plan { .. }
            | Self::Reasoning { .. }
            | Self::ContextCompaction {}
            | Self::UserMessage {}
            | Self::Unknown => return None,
        })
    }
}

impl Change {
    /// Every path that it touches.
    fn paths(&self) -> Vec<&str> {
        self.changes.iter().flat_map(FileChange::paths).collect()
    }

    fn title(&self, tree: &str) -> String {
        match self.paths().as_slice() {
            [] => "nothing".to_owned(),
            [first] => path_within(tree, first).to_owned(),
            [first, rest @ ..] => format!("{} and {} more", path_within(tree, first), rest.len()),
        }
    }
}

impl FileChange {
    fn paths(&self) -> impl Iterator<Item = &str> {
        let moved = if let ChangeKind::Update { move_path } = &self.kind { move_path.as_deref() } else { None };
        [Some(self.path.as_str()), moved].into_iter().flatten()
    }

    fn edit(&self) -> Option<Edit> {
        match &self.kind {
            ChangeKind::Add => diff::edit(&self.path, "", &self.diff),
            ChangeKind::Delete => diff::edit(&self.path, &self.diff, ""),
            ChangeKind::Update { move_path: None } => Some(Edit { path: self.path.clone(), diff: self.diff.clone() }),
            ChangeKind::Update { move_path: Some(new) } => {
                // Codex says so after the last line of the diff.
                let said = format!("\n\nMoved to: {new}");
                let diff = self.diff.strip_suffix(&said).unwrap_or(&self.diff);
                Some(Edit { path: new.clone(), diff: diff.to_owned() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(item: Value) -> ToolCall {
        let item: Item = serde_json::from_value(item).expect("an item");
        item.tool_call("/w", true).expect("a tool call")
    }

    fn changed(path: &str, kind: Value, diff: &str) -> ToolCall {
        let change = json!({ "path": path, "kind": kind, "diff": diff });
        call(json!({ "type": "fileChange", "id": "1", "changes": [change], "status": "completed" }))
    }

    #[test]
    fn a_command_is_told_without_the_shell_that_runs_it() {
        let item = json!({ "type": "commandExecution", "id": "1", "command": "/bin/bash -lc 'ls\npwd'", "cwd": "/w",
                           "status": "failed", "exitCode": 2 });
        let call = call(item);
        assert_eq!((call.title.as_str(), call.status, call.exit_code), ("ls…", ToolStatus::Failed, Some(2)));
        assert_eq!(call.input, r#"{"command":"ls\npwd","cwd":"/w"}"#);
    }

    #[test]
    fn a_change_of_files_has_a_unified_diff_for_each() {
        let added = changed("/w/a", json!({ "type": "add" }), "one\n");
        assert_eq!(added.edits[0].diff, "@@ -0,0 +1 @@\n+one\n");
        assert_eq!((added.title.as_str(), added.kind), ("a", ToolKind::Edit));
        let deleted = changed("/w/a", json!({ "type": "delete" }), "one\n");
        assert_eq!((deleted.edits[0].diff.as_str(), deleted.kind), ("@@ -1 +0,0 @@\n-one\n", ToolKind::Delete));
        let kind = json!({ "type": "update", "move_path": "/w/b" });
        let moved = changed("/w/a", kind, "@@ -1 +1 @@\n-one\n+two\n\n\nMoved to: /w/b");
        assert_eq!((moved.edits[0].path.as_str(), moved.edits[0].diff.as_str()), ("/w/b", "@@ -1 +1 @@\n-one\n+two\n"));
        assert_eq!(moved.input, r#"{"paths":["/w/a","/w/b"]}"#);
    }

    #[test]
    fn an_item_that_is_new_or_no_call_is_none() {
        for item in [json!({ "type": "hologram", "id": "1" }), json!({ "type": "userMessage", "id": "1" })] {
            let item: Item = serde_json::from_value(item).expect("an item");
            assert!(item.tool_call("/w", false).is_none());
        }
    }
}
