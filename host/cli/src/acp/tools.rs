//! Tool calls as the client has seen them, and what they print.
//!
//! The protocol knows no piece of an output: each update holds all of it. So a call's output is kept to its end of a
//! bounded length, and told a few times a second at most.

use std::collections::HashMap;

use sandboxed_model::event::{ToolCall as Call, ToolKind, ToolOutput, ToolStatus};
use serde_json::{Value, json};

use super::{
    diff,
    prompt::fence,
    protocol::{Block, Content, Location, Parent, ToolCall},
};

/// Bytes of a call's output that are shown; the end counts.
const SHOWN_OUTPUT: usize = 32 << 10;
/// Where agents' relative paths begin.
const TREE: &str = "/workspace";
/// What agents call the path in a tool's input.
const PATHS: [&str; 6] = ["file_path", "filePath", "path", "notebook_path", "abs_path", "absolute_path"];

/// The tool calls of a turn.
#[derive(Default)]
pub(super) struct Tools {
    calls: HashMap<String, Shown>,
}

#[derive(Default)]
struct Shown {
    diffs: Vec<Content>,
    output: String,
    left_out: u64,
    /// Something was printed that is not told.
    dirty: bool,
}

impl Tools {
    /// A call that begins or changes.
    pub(super) fn call(&mut self, call: &Call) -> (bool, ToolCall) {
        let is_new = !self.calls.contains_key(&call.id);
        let shown = self.calls.entry(call.id.clone()).or_default();
        shown.diffs = call.edits.iter().flat_map(|edit| diff::changes(&absolute(&edit.path), &edit.diff)).collect();
        shown.dirty = false;
        let told = ToolCall {
            tool_call_id: call.id.clone(),
            title: Some(call.title.clone()),
            kind: Some(kind(call.kind)),
            status: Some(status(call.status)),
            content: shown.content(),
            locations: Some(locations(call)).filter(|found| !found.is_empty()),
            raw_input: Some(call.input.clone()).filter(|input| !input.is_null()),
            raw_output: call.exit_code.map(|code| json!({ "exitCode": code })),
            parent: Parent::of(&call.parent),
        };
        (is_new, told)
    }

    /// Whether a call of this turn was shown.
    pub(super) fn knows(&self, call: &str) -> bool {
        self.calls.contains_key(call)
    }

    /// Whether a call of this turn told of a change of this file.
    pub(super) fn changed(&self, path: &str) -> bool {
        let path = absolute(path);
        let is_it = |content: &Content| matches!(content, Content::Diff { path: changed, .. } if *changed == path);
        self.calls.values().any(|shown| shown.diffs.iter().any(is_it))
    }

    /// Something was printed. A call that was not shown so far is shown now.
    pub(super) fn print(&mut self, output: &ToolOutput) -> Option<ToolCall> {
        let is_new = !self.calls.contains_key(&output.id);
        let shown = self.calls.entry(output.id.clone()).or_default();
        shown.left_out += output.omitted_bytes;
        shown.output.push_str(&output.text);
        shown.dirty = true;
        if shown.output.len() > 2 * SHOWN_OUTPUT {
            let mut cut = shown.output.len() - SHOWN_OUTPUT;
            while !shown.output.is_char_boundary(cut) {
                cut += 1;
            }
            shown.output.drain(..cut);
            shown.left_out += cut as u64;
        }
        is_new.then(|| ToolCall {
            tool_call_id: output.id.clone(),
            title: Some("a tool".to_owned()),
            kind: Some("other"),
            status: Some("in_progress"),
            ..ToolCall::default()
        })
    }

    /// What calls printed since it was last told.
    pub(super) fn printed(&mut self) -> Vec<ToolCall> {
        let dirty =
            self.calls.iter_mut().filter_map(|(id, shown)| std::mem::take(&mut shown.dirty).then_some((id, shown)));
        dirty
            .map(|(id, shown)| ToolCall { tool_call_id: id.clone(), content: shown.content(), ..ToolCall::default() })
            .collect()
    }

    /// The turn is over.
    pub(super) fn forget(&mut self) {
        self.calls.clear();
    }
}

impl Shown {
    fn content(&self) -> Option<Vec<Content>> {
        let mut content = self.diffs.clone();
        if !self.output.is_empty() {
            let start = self.output.len().saturating_sub(SHOWN_OUTPUT);
            let start = (start..).find(|&at| self.output.is_char_boundary(at)).unwrap_or_default();
            let (left_out, text) = (self.left_out + start as u64, &self.output[start..]);
            let fence = fence(text);
            let head = if left_out > 0 { format!("… {left_out} bytes before\n") } else { String::new() };
            let end = if text.ends_with('\n') { "" } else { "\n" };
            content
                .push(Content::Content { content: Block::Text { text: format!("{fence}\n{head}{text}{end}{fence}") } });
        }
        (!content.is_empty()).then_some(content)
    }
}

/// The word of the protocol.
pub(super) fn kind(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Execute => "execute",
        ToolKind::Read => "read",
        ToolKind::Edit => "edit",
        ToolKind::Delete => "delete",
        ToolKind::Search => "search",
        ToolKind::Fetch => "fetch",
        ToolKind::Think => "think",
        ToolKind::Other => "other",
    }
}

fn status(status: ToolStatus) -> &'static str {
    match status {
        ToolStatus::Pending => "pending",
        ToolStatus::Running => "in_progress",
        ToolStatus::Completed => "completed",
        ToolStatus::Failed => "failed",
    }
}

fn locations(call: &Call) -> Vec<Location> {
    let mut locations: Vec<Location> = call.edits.iter().map(|edit| Location { path: absolute(&edit.path) }).collect();
    if matches!(call.kind, ToolKind::Read | ToolKind::Edit | ToolKind::Delete) {
        locations.extend(location(&call.input));
    }
    locations.dedup();
    locations
}

/// The file that the input of a tool names.
pub(super) fn location(input: &Value) -> Option<Location> {
    let path = PATHS.iter().find_map(|key| input.get(key).and_then(Value::as_str))?;
    (!path.is_empty()).then(|| Location { path: absolute(path) })
}

/// A path in the workspace, as the protocol wants it.
pub(super) fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{TREE}/{}", path.trim_start_matches("./")) }
}

#[cfg(test)]
mod tests {
    use sandboxed_model::{command::OutputStream, event::Edit};

    use super::*;

    fn call(status: ToolStatus) -> Call {
        Call {
            id: "1".to_owned(),
            parent: None,
            title: "edit".to_owned(),
            kind: ToolKind::Edit,
            status,
            input: json!({ "file_path": "src/a.rs" }),
            exit_code: None,
            edits: vec![Edit { path: "src/a.rs".to_owned(), diff: "@@ -1 +1 @@\n-a\n+b\n".to_owned() }],
        }
    }

    fn output(text: String) -> ToolOutput {
        ToolOutput { id: "1".to_owned(), stream: OutputStream::Stdout, text, omitted_bytes: 0 }
    }

    #[test]
    fn a_call_is_new_once_and_names_each_file_once() {
        let mut tools = Tools::default();
        let (is_new, told) = tools.call(&call(ToolStatus::Running));
        assert!(is_new);
        assert_eq!(told.locations, Some(vec![Location { path: "/workspace/src/a.rs".to_owned() }]));
        assert!(!tools.call(&call(ToolStatus::Completed)).0);
        assert!(tools.changed("src/a.rs") && !tools.changed("src/b.rs"));
    }

    #[test]
    fn of_a_long_output_the_end_is_shown_and_what_is_missing_is_said() {
        let mut tools = Tools::default();
        let _ = tools.call(&Call { edits: Vec::new(), ..call(ToolStatus::Running) });
        for _ in 0..20 {
            let _ = tools.print(&output("ü".repeat(4 << 10)));
        }
        let _ = tools.print(&output("the end".to_owned()));
        let told = serde_json::to_string(&tools.printed()).unwrap();
        assert!(told.len() < SHOWN_OUTPUT + 500, "{}", told.len());
        assert!(told.contains("bytes before") && told.contains("the end"), "{told}");
        assert!(tools.printed().is_empty(), "what was told is told again");
    }
}
