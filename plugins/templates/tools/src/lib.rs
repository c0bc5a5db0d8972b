//! Tools for agents and people. This one counts the words of a text.

use sandboxed_sdk::{Tools, export_tools, failure, manifest, tools::*};
use serde::Deserialize;

manifest!("../plugin.toml");
export_tools!(Words);

struct Words;

#[derive(Deserialize)]
struct Count {
    text: String,
}

impl Tools for Words {
    fn list() -> Vec<Tool> {
        vec![Tool {
            name: "count_words".to_owned(),
            description: "Counts the words of a text.".to_owned(),
            input_schema: r#"{
                "type": "object",
                "properties": { "text": { "type": "string", "description": "The text." } },
                "required": ["text"],
                "additionalProperties": false
            }"#
            .to_owned(),
            read_only: true,
            destructive: false,
        }]
    }

    fn call(_caller: Caller, name: String, arguments: String) -> Result<Reply, Failure> {
        if name != "count_words" {
            return Err(failure!(Config, "tools.unknown", "there is no tool {name:?}"));
        }
        // The host has checked the arguments against the schema.
        let Count { text } = serde_json::from_str(&arguments)
            .map_err(|error| failure!(Plugin, "tools.arguments_invalid", "the arguments do not fit: {error}"))?;
        Ok(Reply::text(text.split_whitespace().count().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted() {
        let caller = Caller { workspace: "w".to_owned(), mission: None };
        let reply = Words::call(caller, "count_words".to_owned(), r#"{"text":"one two  three"}"#.to_owned());
        assert!(matches!(&reply.expect("valid arguments").content[..], [Content::Text(text)] if text == "3"));
    }
}
