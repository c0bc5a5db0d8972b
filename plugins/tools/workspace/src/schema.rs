//! What a model is told of the tools. Schemas keep to what all models take: no `oneOf` and its like at the top.

use sandboxed_sdk::tools::Tool;
use serde_json::{Value, json};

use crate::{files::MAX_READ_BYTES, run::MAX_TIMEOUT_MS};

/// All tools, in an order that never changes.
pub(crate) fn tools() -> Vec<Tool> {
    vec![
        tool(
            "list_files",
            "Lists a directory of the workspace: path, kind, size and time of change of each entry, in the order of \
             names. Returns one page; pass `next` as `after` for the following one, until `next` is null.",
            json!({
                "path": path("Directory, relative to the workspace; empty for its root.", 0),
                "after": text("Name after which to go on."),
                "limit": count("Entries to return; 200 if absent.", 1000),
            }),
            &[],
            Effect::Reads,
        ),
        tool(
            "read_file",
            "Reads a file of the workspace, whole or from a byte offset. Long files come in parts: read on from \
             `next_offset`, until it is null. What is no text can be read as base64.",
            json!({
                "path": path("File, relative to the workspace.", 1),
                "offset": { "type": "integer", "minimum": 0, "description": "Byte to begin at; 0 if absent." },
                "length": count("Bytes to read at most; as many as possible if absent.", MAX_READ_BYTES),
                "encoding": encoding("How to return the content; `text` if absent."),
            }),
            &["path"],
            Effect::Reads,
        ),
        tool(
            "write_file",
            "Writes a file of the workspace as a whole, making missing directories. An existing file is replaced. To \
             change a part of a file, use edit_file.",
            json!({
                "path": path("File, relative to the workspace.", 1),
                "content": { "type": "string", "description": "The whole new content." },
                "encoding": encoding("What `content` is; `text` if absent."),
            }),
            &["path", "content"],
            Effect::Destroys,
        ),
        tool(
            "edit_file",
            "Replaces text in a text file of the workspace. `old` must occur exactly once, unless `replace_all` is \
             true; otherwise nothing is changed and the answer says why.",
            json!({
                "path": path("File, relative to the workspace.", 1),
                "old": {
                    "type": "string",
                    "minLength": 1,
                    "description": "Text to replace, exactly as it stands in the file, with indentation and newlines.",
                },
                "new": { "type": "string", "description": "Text to put in its place; empty to remove it." },
                "replace_all": { "type": "boolean", "description": "Replace every occurrence; false if absent." },
            }),
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
            "Runs a program in the workspace's sandbox and returns its exit code and what it printed; of long output, \
             the start and the end. Give either `command`, a line for bash, or `argv`, which no shell interprets. For \
             programs that end by themselves and ask nothing: at the deadline they are killed.",
            json!({
                "command": { "type": "string", "minLength": 1, "description": "Command line for bash." },
                "argv": {
                    "type": "array",
                    "items": { "type": "string" },
                    "minItems": 1,
                    "description": "The program and its arguments.",
                },
                "cwd": text("Directory to run in, relative to the workspace; its root if absent."),
                "timeout_ms": count("Milliseconds after which it is killed; 20000 if absent.", MAX_TIMEOUT_MS),
            }),
            &[],
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

fn encoding(description: &str) -> Value {
    json!({ "enum": ["text", "base64"], "description": description })
}

fn count(description: &str, maximum: u32) -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": maximum, "description": description })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_is_described_and_no_other_is_accepted() {
        for tool in tools() {
            let schema: Value = serde_json::from_str(&tool.input_schema).expect("a schema");
            assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
            let properties = schema["properties"].as_object().expect("properties");
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{}: {name}", tool.name);
            }
            for name in schema["required"].as_array().expect("a list") {
                assert!(properties.contains_key(name.as_str().expect("a name")), "{}: {name}", tool.name);
            }
        }
    }

    #[test]
    fn what_changes_nothing_is_marked_so() {
        let reads: Vec<_> = tools().into_iter().filter(|tool| tool.read_only).map(|tool| tool.name).collect();
        assert_eq!(reads, ["list_files", "read_file"]);
        assert!(tools().iter().all(|tool| tool.read_only != tool.destructive));
    }
}
