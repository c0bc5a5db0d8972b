//! A tool call as OpenCode tells it, and what a person sees of it.

use sandboxed_protocol::{diff, title};
use sandboxed_sdk::harness::{Edit, ToolCall, ToolKind, ToolStatus};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Bytes of what goes into a call that are shown.
const MAX_INPUT: usize = 64 << 10;
/// Bytes of a diff that are shown.
const MAX_DIFF: usize = 64 << 10;

/// The part of a message that is a tool call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolPart {
    pub(crate) id: String,
    #[serde(rename = "callID")]
    pub(crate) call_id: String,
    pub(crate) tool: String,
    pub(crate) state: State,
}

/// How far it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    status: String,
    input: Value,
    output: Option<String>,
    error: Option<String>,
    metadata: Map<String, Value>,
}

impl ToolPart {
    pub(crate) fn status(&self) -> ToolStatus {
        match self.state.status.as_str() {
            "running" => ToolStatus::Running,
            // A command that was broken off, or took too long, has returned nothing.
            "completed" if self.tool == "bash" && self.exit_code().is_none() => ToolStatus::Failed,
            "completed" => ToolStatus::Completed,
            "error" => ToolStatus::Failed,
            _ => ToolStatus::Pending,
        }
    }

    fn exit_code(&self) -> Option<i32> {
        self.state.metadata.get("exit").and_then(Value::as_i64).and_then(|code| code.try_into().ok())
    }

    /// What it is about: the command, the path, the address.
    pub(crate) fn subject(&self) -> Option<&str> {
        subject(&self.tool, &self.state.input)
    }

    /// All that it printed so far.
    pub(crate) fn output(&self) -> &str {
        let running = || self.state.metadata.get("output").and_then(Value::as_str);
        let text = self.state.error.as_deref().or(self.state.output.as_deref()).or_else(running).unwrap_or_default();
        // What OpenCode tells the model of a command that printed nothing.
        if text == "(no output)" { "" } else { text }
    }

    /// The session of the agent that works for this call.
    pub(crate) fn session(&self) -> Option<&str> {
        self.state.metadata.get("sessionId").and_then(Value::as_str)
    }

    /// What a person sees of it.
    pub(crate) fn call(&self, tree: &str, parent: Option<String>) -> ToolCall {
        let input = self.state.input.to_string();
        let done = self.status() == ToolStatus::Completed;
        ToolCall {
            id: self.id.clone(),
            parent,
            title: self.title(tree),
            kind: kind(&self.tool),
            status: self.status(),
            input: if input.len() > MAX_INPUT { "null".to_owned() } else { input },
            exit_code: self.exit_code(),
            edits: if done { self.edits() } else { Vec::new() },
        }
    }

    fn title(&self, tree: &str) -> String {
        match self.subject() {
            Some(subject) => title::first_line(title::path_within(tree, subject)),
            None => title::first_line(&self.tool),
        }
    }

    fn edits(&self) -> Vec<Edit> {
        let metadata = &self.state.metadata;
        if let Some(files) = metadata.get("files").and_then(Value::as_array) {
            return files.iter().filter_map(changed).collect();
        }
        if let Some(edit) = metadata.get("filediff").and_then(changed) {
            return vec![edit];
        }
        // Of a file that is written anew OpenCode tells no difference.
        let (path, content) = (self.state.input["filePath"].as_str(), self.state.input["content"].as_str());
        match (path, content, metadata.get("exists")) {
            (Some(path), Some(content), Some(Value::Bool(false))) => {
                diff::edit(path, "", content).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A file and its change, as tools tell them.
fn changed(file: &Value) -> Option<Edit> {
    let path = ["file", "filePath", "relativePath"].into_iter().find_map(|name| file[name].as_str())?;
    let patch = ["patch", "diff"].into_iter().find_map(|name| file[name].as_str())?;
    // Before the first hunk stand the names of the file.
    let hunks = patch.find("@@").map(|start| &patch[start..])?;
    (hunks.len() <= MAX_DIFF).then(|| Edit { path: path.to_owned(), diff: hunks.to_owned() })
}

/// What kind of thing a tool does. Any name that is not OpenCode's own is one of an MCP server's.
pub(crate) fn kind(tool: &str) -> ToolKind {
    match tool {
        "bash" => ToolKind::Execute,
        "edit" | "write" | "patch" | "apply_patch" | "multiedit" => ToolKind::Edit,
        "read" => ToolKind::Read,
        "glob" | "grep" | "list" | "lsp" | "websearch" | "codesearch" => ToolKind::Search,
        "webfetch" => ToolKind::Fetch,
        _ => ToolKind::Other,
    }
}

/// What a call is about: the command, the path, the address.
pub(crate) fn subject<'a>(tool: &str, input: &'a Value) -> Option<&'a str> {
    let name = match tool {
        "bash" => "command",
        "edit" | "write" | "read" | "multiedit" => "filePath",
        "glob" | "grep" => "pattern",
        "list" => "path",
        "webfetch" => "url",
        "websearch" | "codesearch" => "query",
        "task" => "description",
        "skill" => "name",
        _ => return None,
    };
    input[name].as_str().filter(|subject| !subject.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn part(tool: &str, state: Value) -> ToolPart {
        let part = json!({ "id": "prt_1", "callID": "c", "tool": tool, "state": state });
        serde_json::from_value(part).expect("a part")
    }

    #[test]
    fn a_change_is_told_without_the_lines_that_name_the_file() {
        let patch = "Index: /w/a\n=====\n--- /w/a\n+++ /w/a\n@@ -1 +1 @@\n-a\n+b\n";
        let metadata = json!({ "filediff": { "file": "/w/a", "patch": patch } });
        let call = part("edit", json!({ "status": "completed", "metadata": metadata })).call("/w", None);
        assert_eq!(call.edits, [Edit { path: "/w/a".to_owned(), diff: "@@ -1 +1 @@\n-a\n+b\n".to_owned() }]);
    }

    #[test]
    fn a_new_file_is_all_added_and_one_that_was_there_is_not_guessed_at() {
        let written = |exists: bool| {
            let input = json!({ "filePath": "/w/a", "content": "x\n" });
            let state = json!({ "status": "completed", "input": input, "metadata": { "exists": exists } });
            part("write", state).call("/w", None).edits.len()
        };
        assert_eq!((written(false), written(true)), (1, 0));
    }

    #[test]
    fn a_title_is_what_the_call_is_about() {
        let title = |tool: &str, input: Value| part(tool, json!({ "status": "running", "input": input })).title("/w");
        assert_eq!(title("bash", json!({ "command": "ls\npwd" })), "ls…");
        assert_eq!(title("read", json!({ "filePath": "/w/src/a.rs" })), "src/a.rs");
        assert_eq!(title("docs_search", json!({ "q": 1 })), "docs_search");
    }
}
