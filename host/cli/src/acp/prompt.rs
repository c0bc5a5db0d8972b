//! From the blocks of a prompt to the message of a mission.

use super::{
    protocol::{Block, Resource},
    wire::RpcError,
};

/// The message. Files that came as text are in it, behind their addresses; links are in it as links.
pub(super) fn message(blocks: Vec<Block>) -> Result<String, RpcError> {
    let mut message = String::new();
    for block in blocks {
        match block {
            Block::Text { text } => message.push_str(&text),
            Block::ResourceLink { name, uri } => message.push_str(&format!("[@{name}]({uri})")),
            Block::Resource { resource: Resource { uri, text: Some(text) } } => {
                let fence = fence(&text);
                let end = if text.ends_with('\n') { "" } else { "\n" };
                message.push_str(&format!("\n{uri}:\n{fence}\n{text}{end}{fence}\n"));
            }
            Block::Resource { resource: Resource { uri, text: None } } => {
                return Err(refused("a file that is no text", &format!(" ({uri})")));
            }
            Block::Image {} => return Err(refused("an image", "")),
            Block::Audio {} => return Err(refused("a recording", "")),
            Block::Other => return Err(refused("content of a kind that is not known here", "")),
        }
    }
    Ok(message)
}

fn refused(what: &str, which: &str) -> RpcError {
    RpcError::invalid_params(format!(
        "{what}{which} cannot be sent to a mission: put it into the workspace (`sandboxed-sh files put`) and name its path"
    ))
}

/// A line of backquotes that ends nothing in the text.
pub(super) fn fence(text: &str) -> String {
    let mut longest = 0;
    for line in text.lines() {
        let line = line.trim_start();
        longest = longest.max(line.len() - line.trim_start_matches('`').len());
    }
    "`".repeat((longest + 1).max(3))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(blocks: Value) -> Result<String, RpcError> {
        message(serde_json::from_value(blocks).unwrap())
    }

    #[test]
    fn texts_and_links_stay_in_their_order_and_files_are_fenced() {
        let blocks = json!([
            { "type": "text", "text": "Look at " },
            { "type": "resource_link", "name": "a.rs", "uri": "file:///p/a.rs", "mimeType": "text/plain" },
            { "type": "text", "text": " and this:" },
            { "type": "resource", "resource": { "uri": "file:///p/b.md", "text": "```\nx\n```" } },
        ]);
        let expected = "Look at [@a.rs](file:///p/a.rs) and this:\nfile:///p/b.md:\n````\n```\nx\n```\n````\n";
        assert_eq!(of(blocks).unwrap(), expected);
    }

    #[test]
    fn what_a_mission_cannot_take_refuses_the_prompt() {
        for block in [
            json!({ "type": "image", "data": "AA==", "mimeType": "image/png" }),
            json!({ "type": "audio", "data": "AA==", "mimeType": "audio/wav" }),
            json!({ "type": "resource", "resource": { "uri": "file:///x", "blob": "AA==" } }),
            json!({ "type": "_future" }),
        ] {
            let error = of(json!([{ "type": "text", "text": "see" }, block])).unwrap_err();
            assert!(error.code == -32602 && error.message.contains("cannot be sent"), "{error:?}");
        }
    }
}
