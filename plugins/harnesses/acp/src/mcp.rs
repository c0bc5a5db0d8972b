//! Servers of the Model Context Protocol that the host names: how an agent is told of them.
//!
//! Most agents take them with `session/new`. There a token would be a header's value, which a driver never has: it can
//! only be the agent's own way to name a variable. Where an agent has none, or has it only in its own settings, the
//! servers go into those.

use sandboxed_sdk::harness::{Event, McpAddress, McpProgram, McpServer, McpTransport, Notice, NoticeLevel};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::fill::Placeholders;

/// How an agent takes servers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct McpTable {
    /// The value of the header `Authorization`, in `session/new`.
    pub(crate) authorization: Option<String>,
    /// The file, one of `home_files`, that they go into instead.
    pub(crate) file: Option<String>,
    /// The member of that file's table that holds them by name.
    pub(crate) key: String,
    /// What one looks like there.
    pub(crate) program: Map<String, Value>,
    pub(crate) http: Map<String, Value>,
}

/// What an agent says that it takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Takes {
    /// Servers that are reached by HTTP.
    pub(crate) http: bool,
    /// Images in a prompt.
    pub(crate) images: bool,
}

impl Takes {
    /// Of the answer to `initialize`.
    pub(crate) fn read(result: &Value) -> Self {
        let is = |pointer: &str| result.pointer(pointer).is_some_and(|told| told == true || told.is_object());
        Self {
            http: is("/agentCapabilities/mcpCapabilities/http") || is("/capabilities/session/mcp/http"),
            images: is("/agentCapabilities/promptCapabilities/image") || is("/capabilities/session/prompt/image"),
        }
    }
}

impl McpTable {
    /// Adds servers to the table of a file, where it has room for them.
    pub(crate) fn add(&self, servers: &[McpServer], table: &mut Map<String, Value>) -> bool {
        let Value::Object(named) = table.entry(self.key.clone()).or_insert_with(|| json!({})) else { return false };
        for server in servers {
            let template = match &server.transport {
                McpTransport::Program(_) => &self.program,
                McpTransport::Http(_) => &self.http,
            };
            if !template.is_empty() {
                named.insert(server.name.clone(), Value::Object(Placeholders::of_server(server).fill_object(template)));
            }
        }
        true
    }
}

/// The servers as `session/new` has them, and what is told of those that the agent cannot be told of.
pub(crate) fn servers(table: Option<&McpTable>, servers: &[McpServer], takes: Takes) -> (Vec<Value>, Vec<Event>) {
    let (mut told, mut left_out) = (Vec::new(), Vec::new());
    for server in servers {
        match (&server.transport, table) {
            (McpTransport::Program(_), Some(McpTable { file: Some(_), program, .. })) if !program.is_empty() => {}
            (McpTransport::Http(_), Some(McpTable { file: Some(_), http, .. })) if !http.is_empty() => {}
            (_, Some(McpTable { file: Some(_), .. })) => {
                left_out.push(without(server, "its settings have no place for it"));
            }
            (McpTransport::Program(McpProgram { program, args, env }), _) => {
                let env: Vec<Value> = env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
                told.push(json!({ "name": server.name, "command": program, "args": args, "env": env }));
            }
            (McpTransport::Http(_), _) if !takes.http => {
                left_out.push(without(server, "it takes none that are reached by HTTP"));
            }
            (McpTransport::Http(McpAddress { url, token_variable }), _) => {
                let authorization = table.and_then(|table| table.authorization.as_ref());
                let headers = match (token_variable, authorization) {
                    (None, _) => Vec::new(),
                    (Some(_), Some(template)) => {
                        let value = Placeholders::of_server(server).fill(template);
                        vec![json!({ "name": "Authorization", "value": value })]
                    }
                    (Some(_), None) => {
                        left_out.push(without(server, "it cannot be given the server's token"));
                        continue;
                    }
                };
                told.push(json!({ "type": "http", "name": server.name, "url": url, "headers": headers }));
            }
        }
    }
    (told, left_out)
}

fn without(server: &McpServer, why: &str) -> Event {
    let text = format!("the agent is not told of the MCP server {}: {why}", server.name);
    Event::Notice(Notice { level: NoticeLevel::Warning, code: "acp.mcp_server_left_out".to_owned(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> [McpServer; 2] {
        let env = vec![("A".to_owned(), "b".to_owned())];
        let program = McpProgram { program: "/bin/docs".to_owned(), args: vec!["-v".to_owned()], env };
        let address = McpAddress { url: "http://127.0.0.1:1/mcp".to_owned(), token_variable: Some("TOKEN".to_owned()) };
        [
            McpServer { name: "docs".to_owned(), transport: McpTransport::Program(program) },
            McpServer { name: "ours".to_owned(), transport: McpTransport::Http(address) },
        ]
    }

    fn table(json: Value) -> McpTable {
        serde_json::from_value(json).expect("a table")
    }

    fn texts(events: &[Event]) -> Vec<&str> {
        let text = |event| if let &Event::Notice(Notice { ref text, .. }) = event { text.as_str() } else { "" };
        events.iter().map(text).collect()
    }

    #[test]
    fn a_session_is_told_of_programs_and_of_addresses_whose_token_the_agent_can_find() {
        let authorization = table(json!({ "authorization": "Bearer ${{server.token_variable}}" }));
        let (told, left_out) = servers(Some(&authorization), &both(), Takes { http: true, images: false });
        let expected = json!([
            { "name": "docs", "command": "/bin/docs", "args": ["-v"], "env": [{ "name": "A", "value": "b" }] },
            { "type": "http", "name": "ours", "url": "http://127.0.0.1:1/mcp",
              "headers": [{ "name": "Authorization", "value": "Bearer ${TOKEN}" }] },
        ]);
        assert_eq!((Value::Array(told), left_out), (expected, Vec::new()));
    }

    #[test]
    fn what_an_agent_cannot_be_told_of_is_said() {
        for (takes, why) in [(true, "it cannot be given the server's token"), (false, "reached by HTTP")] {
            let (told, left_out) = servers(None, &both(), Takes { http: takes, images: false });
            assert_eq!(told.len(), 1);
            assert!(
                matches!(texts(&left_out)[..], [text] if text.contains("ours") && text.ends_with(why)),
                "{left_out:?}"
            );
        }
    }

    #[test]
    fn the_agents_own_settings_take_them_in_their_own_words() {
        let mcp = table(json!({
            "file": "settings.json", "key": "servers",
            "program": { "cmd": "{server.program}", "args": "{server.args}", "envs": "{server.env}" },
            "http": { "uri": "{server.url}", "headers": { "Authorization": "Bearer ${{server.token_variable}}" } },
        }));
        let mut settings = Map::new();
        assert!(mcp.add(&both(), &mut settings));
        let expected = json!({ "servers": {
            "docs": { "cmd": "/bin/docs", "args": ["-v"], "envs": { "A": "b" } },
            "ours": { "uri": "http://127.0.0.1:1/mcp", "headers": { "Authorization": "Bearer ${TOKEN}" } },
        } });
        assert_eq!(Value::Object(settings), expected);
        assert_eq!(servers(Some(&mcp), &both(), Takes { http: true, images: false }), (Vec::new(), Vec::new()));
        let programs = table(json!({ "file": "settings.json", "key": "servers", "program": { "a": 1 } }));
        assert_eq!(servers(Some(&programs), &both(), Takes { http: true, images: false }).1.len(), 1);
    }
}
