//! Tools that ask for little in their manifest, and try to use more.

use sandboxed_sdk::{Tools, config_schema, export_tools, failure, manifest, tools::*};
use serde::Deserialize;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_tools!(Modest);

struct Modest;

#[derive(Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Do {
    /// Answers with `text`, and says which plugin it was.
    Echo { text: String },
    /// Sends a request.
    Fetch { url: String },
    /// Says whether a secret exists.
    Secret { name: String },
    /// Says what its settings are.
    Settings,
}

impl Tools for Modest {
    fn list() -> Vec<Tool> {
        vec![Tool {
            name: "do".to_owned(),
            description: "Does little.".to_owned(),
            input_schema: r#"{"type":"object","required":["what"]}"#.to_owned(),
            read_only: true,
            destructive: false,
        }]
    }

    fn call(_caller: Caller, _name: String, arguments: String) -> Result<Reply, Failure> {
        let order: Do = serde_json::from_str(&arguments)
            .map_err(|error| failure!(Config, "modest.order_unknown", error.to_string()))?;
        Ok(Reply::text(match order {
            Do::Echo { text } => format!("modest {text}"),
            Do::Fetch { url } => {
                let request = host::fetch::Request {
                    method: "GET".to_owned(),
                    url,
                    headers: Vec::new(),
                    body: Vec::new(),
                    deadline_ms: 0,
                };
                host::fetch::send(&request)?.status.to_string()
            }
            Do::Secret { name } => host::secrets::exists(&name).to_string(),
            Do::Settings => host::config::get(),
        }))
    }
}
