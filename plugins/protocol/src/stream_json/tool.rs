//! What the tools of these agents are, by their names and inputs.

use sandboxed_sdk::harness::{Edit, PlanEntry, ToolKind, ToolStatus};
use serde_json::Value;

use crate::{diff, title};

/// Entries of a plan that are told.
const PLAN: usize = 200;

/// What a tool does, by the names that Claude Code and Amp give to theirs.
pub(super) fn kind(tool: &str) -> ToolKind {
    match tool {
        "Bash" | "BashOutput" | "KillShell" | "PowerShell" | "shell_command" => ToolKind::Execute,
        "Read" | "NotebookRead" | "LS" | "list_directory" => ToolKind::Read,
        "Edit" | "MultiEdit" | "Write" | "NotebookEdit" | "edit_file" | "create_file" | "apply_patch" => ToolKind::Edit,
        "Glob" | "Grep" | "ToolSearch" | "glob" | "finder" => ToolKind::Search,
        "WebFetch" | "WebSearch" | "web_search" | "read_web_page" => ToolKind::Fetch,
        "Task" | "Agent" | "TodoWrite" | "EnterPlanMode" | "ExitPlanMode" | "Skill" | "oracle" | "todo_write" => {
            ToolKind::Think
        }
        _ => ToolKind::Other,
    }
}

/// What a call of the tool is about: the command, the path, the address, the plan; the tool's name where none is known.
pub(super) fn subject<'a>(tool: &'a str, input: &'a Value) -> &'a str {
    let fields: &[&str] = match kind(tool) {
        ToolKind::Execute => &["command", "cmd"],
        ToolKind::Read | ToolKind::Edit | ToolKind::Delete => &["file_path", "notebook_path", "path"],
        ToolKind::Search => &["pattern", "query", "filePattern"],
        ToolKind::Fetch => &["url", "query", "objective"],
        ToolKind::Think => &["plan", "description", "skill", "task"],
        ToolKind::Other => &[],
    };
    fields.iter().find_map(|field| input[*field].as_str()).filter(|text| !text.trim().is_empty()).unwrap_or(tool)
}

/// What a person reads first of a call. `tree` is where the agent works.
pub(super) fn title(tool: &str, input: &Value, tree: &str) -> String {
    let subject = subject(tool, input);
    match kind(tool) {
        _ if subject == tool => title::first_line(&server_tool(tool).unwrap_or_else(|| tool.to_owned())),
        ToolKind::Execute => title::first_line(subject),
        ToolKind::Read | ToolKind::Edit | ToolKind::Delete => {
            title::first_line(&format!("{tool} {}", title::path_within(tree, subject)))
        }
        _ => title::first_line(&format!("{tool} {}", title::first_line(subject))),
    }
}

/// `mcp__server__tool` as people write it.
fn server_tool(tool: &str) -> Option<String> {
    let (server, tool) = tool.strip_prefix("mcp__")?.split_once("__")?;
    Some(format!("{server}: {tool}"))
}

/// What a call will do to files, as far as its input tells.
pub(super) fn edits(tool: &str, input: &Value) -> Vec<Edit> {
    let text =
        |value: &Value, fields: [&str; 2]| fields.iter().find_map(|field| value[*field].as_str().map(str::to_owned));
    let Some(path) = text(input, ["file_path", "path"]) else { return Vec::new() };
    let replaced = |value: &Value| {
        diff::edit(&path, &text(value, ["old_string", "old_str"])?, &text(value, ["new_string", "new_str"])?)
    };
    match tool {
        "Edit" | "edit_file" => replaced(input).into_iter().collect(),
        "MultiEdit" => input["edits"].as_array().into_iter().flatten().filter_map(replaced).collect(),
        "Write" | "create_file" => {
            text(input, ["content", "contents"]).and_then(|new| diff::edit(&path, "", &new)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What was done to a file, as the result of an edit tells it: with the numbers of the lines in the file.
pub(super) fn done(result: &Value) -> Option<Edit> {
    let path = result["filePath"].as_str()?;
    let hunks = result["structuredPatch"].as_array()?;
    if hunks.is_empty() {
        return diff::edit(path, result["originalFile"].as_str().unwrap_or_default(), result["content"].as_str()?);
    }
    let mut diff = String::new();
    for hunk in hunks {
        let number = |field: &str| hunk[field].as_u64().unwrap_or_default();
        let (old, new) = ((number("oldStart"), number("oldLines")), (number("newStart"), number("newLines")));
        diff.push_str(&format!("@@ -{},{} +{},{} @@\n", old.0, old.1, new.0, new.1));
        for line in hunk["lines"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            diff.push_str(line);
            diff.push('\n');
        }
    }
    (diff.len() <= diff::MAX_TEXT).then(|| Edit { path: path.to_owned(), diff })
}

/// The plan that a call of the tool writes, where it does.
pub(super) fn plan(tool: &str, input: &Value) -> Option<Vec<PlanEntry>> {
    if !matches!(tool, "TodoWrite" | "todo_write") {
        return None;
    }
    let entry = |todo: &Value| {
        let status = match todo["status"].as_str()? {
            "in_progress" | "in-progress" => ToolStatus::Running,
            "completed" => ToolStatus::Completed,
            "cancelled" => ToolStatus::Failed,
            _ => ToolStatus::Pending,
        };
        Some(PlanEntry { text: title::first_line(todo["content"].as_str()?), status })
    };
    Some(input["todos"].as_array()?.iter().filter_map(entry).take(PLAN).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_title_says_what_is_done_to_what() {
        let title = |tool: &str, input: Value| title(tool, &input, "/w");
        assert_eq!(title("Bash", json!({ "command": "make\nmake test" })), "make…");
        assert_eq!(title("Edit", json!({ "file_path": "/w/src/a.rs" })), "Edit src/a.rs");
        assert_eq!(title("Grep", json!({ "pattern": "fn main" })), "Grep fn main");
        assert_eq!(title("mcp__db__run_query", json!({ "sql": "select 1" })), "db: run_query");
        assert_eq!(title("Bash", json!([])), "Bash");
    }

    #[test]
    fn the_subject_of_a_call_is_whole() {
        let command = "a\n".repeat(5000);
        assert_eq!(subject("Bash", &json!({ "command": command })), command);
        assert_eq!(subject("mcp__db__run_query", &json!({})), "mcp__db__run_query");
    }

    #[test]
    fn a_result_tells_an_edit_with_the_lines_of_the_file() {
        let result = json!({
            "filePath": "/w/a",
            "structuredPatch": [
                { "oldStart": 7, "oldLines": 1, "newStart": 7, "newLines": 1, "lines": ["-two", "+three"] },
            ],
        });
        assert_eq!(done(&result).map(|edit| edit.diff), Some("@@ -7,1 +7,1 @@\n-two\n+three\n".to_owned()));
    }

    #[test]
    fn several_edits_of_a_file_are_told_each() {
        let input = json!({ "file_path": "a", "edits": [
            { "old_string": "x", "new_string": "y" }, { "old_string": "1", "new_string": "2" },
        ] });
        assert_eq!(edits("MultiEdit", &input).len(), 2);
    }
}
