//! What a model is told of the tools.

use sandboxed_sdk::tools::Tool;
use serde_json::{Value, json};

use crate::{files::MAX_READ_BYTES, run::MAX_TIMEOUT_MS};

/// All tools, in an order that never changes.
pub(crate) fn tools() -> Vec<Tool> {
    vec![
        tool(
            "list_files",
            "Lists a directory of the workspace. Returns one page; pass `next` as `after` for the following one.",
            json!({ "path": path("Directory, relative to the workspace; empty for its root.", 0), "after": text("Name after which to go on."), "limit": count("Entries to return.", 1000) }),
            &[],
            Effect::Reads,
        ),
        tool(
            "read_file",
            "Reads a text file of the workspace, whole or from a byte offset. Long files come in parts: read on from `next_offset`.",
            json!({ "path": path("File, relative to the workspace.", 1), "offset": { "type": "integer", "minimum": 0, "description": "Byte to begin at." }, "length": count("Bytes to read at most.", MAX_READ_BYTES) }),
            &["path"],
            Effect::Reads,
        ),
        tool(
            "write_file",
            "Writes a file of the workspace as a whole, making missing directories. An existing file is replaced.",
            json!({ "path": path("File, relative to the workspace.", 1), "content": { "type": "string", "description": "The whole new content." } }),
            &["path", "content"],
            Effect::Destroys,
        ),
        tool(
            "edit_file",
            "Replaces text in a file of the workspace. `old` must occur exactly once, unless `replace_all` is true.",
            json!({ "path": path("File, relative to the workspace.", 1), "old": { "type": "string", "minLength": 1, "description": "Text to replace, exactly as it stands in the file." }, "new": { "type": "string", "description": "Text to put in its place." }, "replace_all": { "type": "boolean", "description": "Replace every occurrence." } }),
            &["path", "old", "new"],
            Effect::Destroys,
        ),
        tool(
            "delete_file",
            "Deletes a file or an empty directory of the workspace.",
            json!({ "path": path("File or empty directory, relative to the workspace.", 1) }),
            &["path"],
            Effect::Destroys,
        ),
        tool(
            "run_command",
            "Runs a command line with bash in the workspace's sandbox and returns what it printed. For commands that end by themselves.",
            json!({ "command": { "type": "string", "minLength": 1, "description": "The command line." }, "cwd": text("Directory to run in, relative to the workspace."), "timeout_ms": count("Milliseconds after which it is killed.", MAX_TIMEOUT_MS) }),
            &["command"],
            Effect::Destroys,
        ),
    ]
}

#[derive(PartialEq, Eq)]
enum Effect {
    Reads,
    Destroys,
}

fn tool(name: &str, description: &str, properties: Value, required: &[&str], effect: Effect) -> Tool {
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    Tool {
        name: name.to_owned(),
        description: description.to_owned(),
        input_schema: schema.to_string(),
        read_only: effect == Effect::Reads,
        destructive: effect == Effect::Destroys,
    }
}

fn path(description: &str, min_length: u32) -> Value {
    json!({ "type": "string", "minLength": min_length, "maxLength": 4096, "description": description })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "maxLength": 4096, "description": description })
}

fn count(description: &str, maximum: u32) -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": maximum, "description": description })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_required_argument_is_described() {
        for tool in tools() {
            let schema: Value = serde_json::from_str(&tool.input_schema).expect("a schema");
            for name in schema["required"].as_array().expect("a list") {
                let property = &schema["properties"][name.as_str().expect("a name")];
                assert!(property["description"].is_string(), "{}: {name}", tool.name);
            }
        }
    }
}
