//! How OpenCode is started for a turn, and what its driver is told of the launch.
//!
//! A session is not given the launch that was planned for it. So the launch leaves files beside the bridge: what the
//! bridge tells the session first, and the body of the request that hands over the prompt, which may be larger than all
//! that a session can remember.

use sandboxed_protocol::{install::Install, trouble::Trouble};
use sandboxed_sdk::{failure, harness::*};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::{MODELS, permission};

/// The file with the prompt, below the inbox.
pub(crate) const PROMPT: &str = "prompt.json";

const BRIDGE: &str = "bridge.js";
const LAUNCH: &str = "launch.json";
/// Bytes of the settings: they travel in a variable, with the rest of the configuration.
const MAX_SETTINGS: usize = 64 << 10;
/// It listens after a few seconds of work, which a busy machine may stretch.
const START_WITHIN_MS: u32 = 120_000;
/// What a model is taken to read and to write, in tokens: OpenCode makes a long conversation shorter before it is full.
const CONTEXT: u32 = 200_000;
const OUTPUT: u32 = 32_000;

/// What a session has to know of its launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The directory to work in.
    pub(crate) tree: String,
    /// The session to continue.
    pub(crate) resume: Option<String>,
    /// A person is asked before something is done.
    pub(crate) ask: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    config: Map<String, Json>,
}

/// A model, and by which API it is asked.
#[derive(Debug, PartialEq, Eq)]
struct Model<'a> {
    api: ModelApi,
    name: &'a str,
}

impl<'a> Model<'a> {
    /// `anthropic/…` and `openai/…` say it; else the name does.
    fn read(asked: &'a str) -> Self {
        match asked.split_once('/') {
            Some(("anthropic", name)) => Self { api: ModelApi::Anthropic, name },
            Some(("openai", name)) => Self { api: ModelApi::Openai, name },
            _ if asked.starts_with("claude") => Self { api: ModelApi::Anthropic, name: asked },
            _ => Self { api: ModelApi::Openai, name: asked },
        }
    }

    /// The names of the provider and of its kind in OpenCode's configuration. Names that OpenCode does not know: for
    /// those that it knows it looks for more than is given here.
    fn provider(&self) -> (&'static str, &'static str) {
        match self.api {
            ModelApi::Anthropic => ("sandboxed-anthropic", "@ai-sdk/anthropic"),
            ModelApi::Openai | ModelApi::Google => ("sandboxed-openai", "@ai-sdk/openai-compatible"),
        }
    }
}

/// The launch of a turn.
pub(crate) fn plan(start: Start, install: &Install) -> Result<Launch, Failure> {
    let settings: Settings = serde_json::from_str(&start.settings)
        .map_err(|error| failure!(Config, "opencode.settings_invalid", "the settings do not fit: {error}"))?;
    if start.settings.len() > MAX_SETTINGS {
        return Err(failure!(Config, "opencode.settings_too_long", "the settings are more than {MAX_SETTINGS} bytes"));
    }
    let Some(programs) = &start.programs else { return Err(Trouble::NotInstalled.failure("")) };
    let model = Model::read(start.model.as_deref().unwrap_or(MODELS[0]));
    let Some(endpoint) = start.endpoints.iter().find(|endpoint| endpoint.api == model.api) else {
        let (name, account) = match model.api {
            ModelApi::Anthropic => ("Anthropic", "anthropic"),
            ModelApi::Openai | ModelApi::Google => ("OpenAI", "openai"),
        };
        return Err(failure!(
            Config,
            "opencode.endpoint_missing",
            "the model {:?} needs an endpoint of the API of {name}, and the mission is given none",
            model.name
        )
        .with_hint(format!("add an account of a provider with that API: sandboxed-sh provider add {account}")));
    };
    let permission = permission::table(start.approvals, start.mode);
    let thinks = start.effort.is_some();
    let config = configuration(settings.config, &model, thinks, endpoint, permission);
    let plain = |name: &str, value: String| (name.to_owned(), Value::Plain(value));
    let mut env = vec![
        // Its program is then the JavaScript runtime that it is made with, and runs the bridge.
        plain("BUN_BE_BUN", "1".to_owned()),
        plain("OPENCODE_CONFIG_CONTENT", config.to_string()),
    ];
    for what in ["AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"] {
        env.push(plain(&format!("OPENCODE_DISABLE_{what}"), "1".to_owned()));
    }
    let facts = Facts { tree: start.tree, resume: start.resume, ask: start.approvals == ApprovalMode::Ask };
    let prompt = json!({
        "model": { "providerID": model.provider().0, "modelID": model.name },
        "agent": if start.mode == WorkMode::Plan { "plan" } else { "build" },
        "variant": start.effort,
        "parts": [{ "type": "text", "text": start.prompt }],
    });
    let file =
        |path: &str, bytes| LaunchFile { place: LaunchPlace::Inbox, path: path.to_owned(), bytes, executable: false };
    Ok(Launch {
        command: Command {
            program: format!("{programs}/{}", install.check.program),
            args: vec![format!("{}/{BRIDGE}", start.inbox)],
            env,
            // The runtime reads settings of its own where it starts: not those of the workspace.
            cwd: Some(start.inbox),
            tty: None,
        },
        files: vec![
            file(BRIDGE, include_bytes!("bridge.js").to_vec()),
            file(LAUNCH, json!(facts).to_string().into_bytes()),
            file(PROMPT, prompt.to_string().into_bytes()),
        ],
        stdout: Framing::Lines,
        stderr: Framing::Lines,
        start_within_ms: Some(START_WITHIN_MS),
        skills: None,
    })
}

/// The mission's own values, and over them what the launch decides. Keys are named by their variables.
fn configuration(
    mut config: Map<String, Json>,
    model: &Model<'_>,
    thinks: bool,
    endpoint: &Endpoint,
    permission: Json,
) -> Json {
    let (provider, npm) = model.provider();
    let base = match model.api {
        ModelApi::Anthropic => format!("{}/v1", endpoint.base_url),
        ModelApi::Openai | ModelApi::Google => endpoint.base_url.clone(),
    };
    let full = format!("{provider}/{}", model.name);
    let known = json!({ "limit": { "context": CONTEXT, "output": OUTPUT }, "tool_call": true, "reasoning": thinks });
    let ours = [
        ("autoupdate", json!(false)),
        ("share", json!("disabled")),
        ("model", json!(full)),
        ("small_model", json!(full)),
        ("enabled_providers", json!([provider])),
        ("permission", permission),
        (
            "provider",
            json!({ provider: {
                "npm": npm,
                "options": { "baseURL": base, "apiKey": format!("{{env:{}}}", endpoint.key_variable) },
                "models": { model.name: known },
            } }),
        ),
    ];
    config.extend(ours.map(|(key, value)| (key.to_owned(), value)));
    Json::Object(config)
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit::endpoints;

    use super::*;
    use crate::INSTALL;

    fn start(prompt: &str) -> Start {
        Start {
            mission: "m".to_owned(),
            turn: 1,
            tree: "/workspace".to_owned(),
            inbox: "/inbox".to_owned(),
            home: "/home/mission".to_owned(),
            programs: Some("/programs".to_owned()),
            prompt: prompt.to_owned(),
            attachments: Vec::new(),
            instructions: None,
            mcp_servers: Vec::new(),
            model: None,
            effort: None,
            approvals: ApprovalMode::Bypass,
            mode: WorkMode::Act,
            endpoints: endpoints(),
            resume: None,
            settings: "{}".to_owned(),
        }
    }

    fn planned(start: Start) -> Result<Launch, Failure> {
        plan(start, &Install::built_in(INSTALL))
    }

    fn config(launch: &Launch) -> Json {
        let value = launch.command.env.iter().find(|(name, _)| name == "OPENCODE_CONFIG_CONTENT");
        let Some((_, Value::Plain(text))) = value else { panic!("a configuration") };
        serde_json::from_str(text).expect("JSON")
    }

    fn body(launch: &Launch, name: &str) -> Json {
        let file = launch.files.iter().find(|file| file.path == name).expect("the file");
        serde_json::from_slice(&file.bytes).expect("JSON")
    }

    #[test]
    fn the_bridge_is_run_by_opencode_itself_and_not_where_the_workspace_has_a_say() {
        let launch = planned(start("hello")).expect("a launch");
        assert_eq!(launch.command.program, "/programs/bin/opencode");
        assert_eq!(launch.command.args, ["/inbox/bridge.js"]);
        assert_eq!(launch.command.cwd.as_deref(), Some("/inbox"));
        assert!(launch.command.env.iter().any(|(name, _)| name == "BUN_BE_BUN"));
    }

    #[test]
    fn a_model_is_asked_by_the_api_that_its_name_tells_and_the_key_is_only_named() {
        let asked = |model: &str| planned(Start { model: Some(model.to_owned()), ..start("x") }).expect("a launch");
        for (model, provider, name, base, key) in [
            ("claude-x", "sandboxed-anthropic", "claude-x", "http://127.0.0.1:4000/anthropic/v1", "ANTHROPIC_API_KEY"),
            ("anthropic/x", "sandboxed-anthropic", "x", "http://127.0.0.1:4000/anthropic/v1", "ANTHROPIC_API_KEY"),
            ("openai/claude", "sandboxed-openai", "claude", "http://127.0.0.1:4000/openai/v1", "OPENAI_API_KEY"),
            ("qwen/qwen-4", "sandboxed-openai", "qwen/qwen-4", "http://127.0.0.1:4000/openai/v1", "OPENAI_API_KEY"),
        ] {
            let launch = asked(model);
            let config = config(&launch);
            assert_eq!(config["model"], format!("{provider}/{name}"));
            let options = &config["provider"][provider]["options"];
            assert_eq!(*options, json!({ "baseURL": base, "apiKey": format!("{{env:{key}}}") }));
            assert_eq!(body(&launch, PROMPT)["model"], json!({ "providerID": provider, "modelID": name }));
        }
    }

    #[test]
    fn the_prompt_and_the_facts_are_files_and_never_arguments() {
        let asked = Start {
            resume: Some("ses_1".to_owned()),
            approvals: ApprovalMode::Ask,
            mode: WorkMode::Plan,
            effort: Some("high".to_owned()),
            ..start("do it")
        };
        let launch = planned(asked).expect("a launch");
        assert_eq!(body(&launch, PROMPT)["parts"][0]["text"], "do it");
        assert_eq!(body(&launch, PROMPT)["agent"], "plan");
        assert_eq!(body(&launch, PROMPT)["variant"], "high");
        let facts: Facts = serde_json::from_value(body(&launch, LAUNCH)).expect("facts");
        let resume = Some("ses_1".to_owned());
        assert_eq!(facts, Facts { tree: "/workspace".to_owned(), resume, ask: true });
        assert!(!launch.command.args.iter().any(|arg| arg.contains("do it")));
    }

    #[test]
    fn the_settings_of_a_mission_do_not_undo_what_the_launch_decides() {
        let settings = r#"{"config":{"share":"auto","permission":{"*":"allow"},"mcp":{"a":{}}}}"#.to_owned();
        let launch = planned(Start { settings, approvals: ApprovalMode::Ask, ..start("x") }).expect("a launch");
        let config = config(&launch);
        assert_eq!((&config["share"], &config["permission"]["*"]), (&json!("disabled"), &json!("ask")));
        assert_eq!(config["mcp"], json!({ "a": {} }));
    }

    #[test]
    fn what_cannot_be_started_is_told_with_what_mends_it() {
        let code = |start| planned(start).expect_err("a failure").code;
        assert_eq!(code(Start { programs: None, ..start("x") }), "agent.not_installed");
        assert_eq!(code(Start { endpoints: Vec::new(), ..start("x") }), "opencode.endpoint_missing");
        assert_eq!(code(Start { settings: r#"{"confg":{}}"#.to_owned(), ..start("x") }), "opencode.settings_invalid");
    }
}
