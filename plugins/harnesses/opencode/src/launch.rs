//! How OpenCode is started for a turn, and what its session has of the turn's start.

use sandboxed_protocol::{attached, configured::Agent, trouble::Trouble};
use sandboxed_sdk::{failure, harness::*};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::permission;

const BRIDGE: &str = "bridge.js";
/// The instructions, below the mission's home. Not below the inbox, whose place is another in each turn: OpenCode tells
/// the model where instructions are from, and what the model knows already is cheaper.
const INSTRUCTIONS: &str = ".config/opencode/sandboxed-instructions.md";
/// Where OpenCode looks for skills, below the mission's home.
const SKILLS: &str = ".config/opencode/skills";
/// Bytes of the settings.
const MAX_SETTINGS: usize = 64 << 10;
/// Bytes of the configuration, settings and all: it is a variable, and Linux takes 128 KiB.
const MAX_CONFIGURATION: usize = 120 << 10;
/// It listens after a few seconds of work, which a busy machine may stretch.
const START_WITHIN_MS: u32 = 120_000;
/// What a model is taken to read and to write, in tokens: OpenCode makes a long conversation shorter before it is full.
const CONTEXT: u32 = 200_000;
const OUTPUT: u32 = 32_000;

/// What a session has of its turn's start. It is given at each opening, and never saved.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The directory to work in.
    pub(crate) tree: String,
    /// The session to continue.
    pub(crate) resume: Option<String>,
    /// A person is asked before something is done.
    pub(crate) ask: bool,
    /// The body of the request that hands over the prompt.
    pub(crate) prompt: Json,
    /// Repeats of a request to the model after which the turn has failed.
    pub(crate) max_retries: Option<u32>,
}

impl Facts {
    pub(crate) fn of(start: Start, agent: &Agent) -> Self {
        let asked = asked_model(start.model, agent);
        let model = Model::read(&asked);
        let text = attached::prompt(&start.prompt, &start.attachments);
        let text = json!({ "type": "text", "text": text });
        let image = |(_, image): (u32, &Attachment)| json!({ "type": "file", "mime": image.media_type, "filename": image.name, "url": file_url(&image.path) });
        let parts: Vec<Json> = [text].into_iter().chain(attached::images(&start.attachments).map(image)).collect();
        let prompt = json!({
            "model": { "providerID": model.provider().0, "modelID": model.name },
            "agent": if start.mode == WorkMode::Plan { "plan" } else { "build" },
            "variant": start.effort,
            "parts": parts,
        });
        // Settings that do not fit were refused when the launch was planned.
        let settings: Settings = serde_json::from_str(&start.settings).unwrap_or_default();
        let (ask, max_retries) = (start.approvals == ApprovalMode::Ask, settings.max_retries);
        Self { tree: start.tree, resume: start.resume, ask, prompt, max_retries }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    config: Map<String, Json>,
    max_retries: Option<u32>,
}

/// The model that a mission asks for, or the first that is offered.
fn asked_model(model: Option<String>, agent: &Agent) -> String {
    model.or_else(|| agent.about().models.into_iter().next()).unwrap_or_default()
}

/// A path as an address.
fn file_url(path: &str) -> String {
    let mut url = "file://".to_owned();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
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
pub(crate) fn plan(start: Start, agent: &Agent) -> Result<Launch, Failure> {
    let settings: Settings = serde_json::from_str(&start.settings)
        .map_err(|error| failure!(Config, "opencode.settings_invalid", "the settings do not fit: {error}"))?;
    let install = agent.install()?;
    let Some(programs) = &start.programs else { return Err(Trouble::NotInstalled.failure("")) };
    let asked = asked_model(start.model.clone(), agent);
    let model = Model::read(&asked);
    let Some(endpoint) = start.endpoints.iter().find(|endpoint| endpoint.api == model.api) else {
        let (name, account) = match model.api {
            ModelApi::Anthropic => ("Anthropic", "anthropic"),
            ModelApi::Openai | ModelApi::Google => ("OpenAI", "openai"),
        };
        return Err(Trouble::NoAccount
            .failure(&format!("the model {:?} needs the API of {name}", model.name))
            .with_hint(format!("add an account of a provider with that API: sandboxed-sh provider add {account}")));
    };
    let config = configuration(settings.config, &model, endpoint, &start).to_string();
    if start.settings.len() > MAX_SETTINGS || config.len() > MAX_CONFIGURATION {
        return Err(failure!(
            Config,
            "opencode.settings_too_long",
            "the settings are more than {MAX_SETTINGS} bytes, or with all else more than {MAX_CONFIGURATION}"
        ));
    }
    let plain = |name: &str, value: String| (name.to_owned(), Value::Plain(value));
    let mut env = vec![
        // Its program is then the JavaScript runtime that it is made with, and runs the bridge.
        plain("BUN_BE_BUN", "1".to_owned()),
        plain("OPENCODE_CONFIG_CONTENT", config),
    ];
    for what in ["AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"] {
        env.push(plain(&format!("OPENCODE_DISABLE_{what}"), "1".to_owned()));
    }
    let file = |place, path: &str, bytes| LaunchFile { place, path: path.to_owned(), bytes, executable: false };
    let mut files = vec![file(LaunchPlace::Inbox, BRIDGE, include_bytes!("bridge.js").to_vec())];
    files.extend(start.instructions.map(|text| file(LaunchPlace::Home, INSTRUCTIONS, text.into_bytes())));
    Ok(Launch {
        command: Command {
            program: format!("{programs}/{}", install.check.program),
            args: vec![format!("{}/{BRIDGE}", start.inbox), start.tree],
            env,
            // The runtime reads settings of its own where it starts: not those of the workspace.
            cwd: Some(start.inbox),
            tty: None,
        },
        files,
        stdout: Framing::Lines,
        stderr: Framing::Lines,
        start_within_ms: Some(START_WITHIN_MS),
        skills: Some(SKILLS.to_owned()),
    })
}

/// The mission's own values, and over them what the launch decides. Keys are named by their variables.
fn configuration(mut config: Map<String, Json>, model: &Model<'_>, endpoint: &Endpoint, start: &Start) -> Json {
    let (provider, npm) = model.provider();
    let base = match model.api {
        ModelApi::Anthropic => format!("{}/v1", endpoint.base_url),
        ModelApi::Openai | ModelApi::Google => endpoint.base_url.clone(),
    };
    let full = format!("{provider}/{}", model.name);
    let known = json!({
        "limit": { "context": CONTEXT, "output": OUTPUT },
        "tool_call": true,
        "reasoning": start.effort.is_some(),
        // Whether the model looks at images only its provider knows.
        "attachment": true,
        "modalities": { "input": ["text", "image"], "output": ["text"] },
    });
    let ours = [
        ("autoupdate", json!(false)),
        ("share", json!("disabled")),
        ("model", json!(full)),
        ("small_model", json!(full)),
        ("enabled_providers", json!([provider])),
        ("permission", permission::table(start.approvals, start.mode)),
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
    if start.instructions.is_some() {
        let path = json!(format!("{}/{INSTRUCTIONS}", start.home));
        match config.entry("instructions").or_insert_with(|| json!([])) {
            Json::Array(paths) => paths.push(path),
            other => *other = json!([path]),
        }
    }
    if !start.mcp_servers.is_empty() {
        let servers = start.mcp_servers.iter().map(|server| (server.name.clone(), mcp_server(&server.transport)));
        match config.entry("mcp").or_insert_with(|| json!({})) {
            Json::Object(named) => named.extend(servers),
            other => *other = Json::Object(servers.collect()),
        }
    }
    Json::Object(config)
}

/// A server of the Model Context Protocol as OpenCode's configuration names it. Its token is named by its variable.
fn mcp_server(transport: &McpTransport) -> Json {
    match transport {
        McpTransport::Program(McpProgram { program, args, env }) => {
            let command: Vec<&String> = [program].into_iter().chain(args).collect();
            let environment: Map<String, Json> = env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({ "type": "local", "command": command, "environment": environment })
        }
        McpTransport::Http(McpAddress { url, token_variable }) => {
            let authorization = token_variable.iter().map(|name| format!("Bearer {{env:{name}}}"));
            let headers: Map<String, Json> =
                authorization.map(|value| ("Authorization".to_owned(), json!(value))).collect();
            // Nobody is there who could sign in.
            json!({ "type": "remote", "url": url, "headers": headers, "oauth": false })
        }
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;
    use crate::agent;

    fn start(prompt: &str) -> Start {
        testkit::start(prompt)
    }

    fn planned(start: Start) -> Result<Launch, Failure> {
        plan(start, &agent())
    }

    fn config(launch: &Launch) -> Json {
        let value = launch.command.env.iter().find(|(name, _)| name == "OPENCODE_CONFIG_CONTENT");
        let Some((_, Value::Plain(text))) = value else { panic!("a configuration") };
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn the_bridge_is_run_by_opencode_itself_and_not_where_the_workspace_has_a_say() {
        let launch = planned(start("hello")).expect("a launch");
        assert_eq!(launch.command.program, "/programs/bin/opencode");
        assert_eq!(launch.command.args, ["/inbox/bridge.js", "/workspace"]);
        assert_eq!(launch.command.cwd.as_deref(), Some("/inbox"));
        assert!(launch.command.env.iter().any(|(name, _)| name == "BUN_BE_BUN"));
    }

    #[test]
    fn a_model_is_asked_by_the_api_that_its_name_tells_and_the_key_is_only_named() {
        let asked = |model: &str| Start { model: Some(model.to_owned()), ..start("x") };
        for (model, provider, name, base, key) in [
            ("claude-x", "sandboxed-anthropic", "claude-x", "http://127.0.0.1:4000/anthropic/v1", "ANTHROPIC_API_KEY"),
            ("anthropic/x", "sandboxed-anthropic", "x", "http://127.0.0.1:4000/anthropic/v1", "ANTHROPIC_API_KEY"),
            ("openai/claude", "sandboxed-openai", "claude", "http://127.0.0.1:4000/openai/v1", "OPENAI_API_KEY"),
            ("qwen/qwen-4", "sandboxed-openai", "qwen/qwen-4", "http://127.0.0.1:4000/openai/v1", "OPENAI_API_KEY"),
        ] {
            let launch = planned(asked(model)).expect("a launch");
            let config = config(&launch);
            assert_eq!(config["model"], format!("{provider}/{name}"));
            let options = &config["provider"][provider]["options"];
            assert_eq!(*options, json!({ "baseURL": base, "apiKey": format!("{{env:{key}}}") }));
            let prompt = Facts::of(asked(model), &agent()).prompt;
            assert_eq!(prompt["model"], json!({ "providerID": provider, "modelID": name }));
        }
    }

    #[test]
    fn the_prompt_is_a_request_and_never_an_argument() {
        let attachment = |name: &str, media_type: &str| Attachment {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            path: format!("/inbox/{name}"),
            size: 3,
        };
        let asked = || Start {
            mode: WorkMode::Plan,
            effort: Some("high".to_owned()),
            attachments: vec![attachment("a b#.png", "image/png")],
            ..start("do it")
        };
        let prompt = Facts::of(asked(), &agent()).prompt;
        assert_eq!((&prompt["agent"], &prompt["variant"]), (&json!("plan"), &json!("high")));
        let image =
            json!({ "type": "file", "mime": "image/png", "filename": "a b#.png", "url": "file:///inbox/a%20b%23.png" });
        assert_eq!(prompt["parts"], json!([{ "type": "text", "text": "do it" }, image]));
        assert!(!format!("{:?}", planned(asked()).expect("a launch")).contains("do it"));
    }

    #[test]
    fn instructions_are_a_file_that_stands_beside_those_of_the_mission() {
        let settings = r#"{"config":{"instructions":["docs/rules.md"]}}"#.to_owned();
        let launch = planned(Start { instructions: Some("be brief".to_owned()), settings, ..start("x") });
        let launch = launch.expect("a launch");
        let [_, file] = &launch.files[..] else { panic!("two files: {:?}", launch.files) };
        assert_eq!(
            (file.place, file.path.as_str(), file.bytes.as_slice()),
            (LaunchPlace::Home, INSTRUCTIONS, b"be brief".as_slice())
        );
        let path = format!("/home/mission/{INSTRUCTIONS}");
        assert_eq!(config(&launch)["instructions"], json!(["docs/rules.md", path]));
    }

    #[test]
    fn servers_of_the_host_stand_beside_those_of_the_mission_and_their_tokens_are_named() {
        let program = McpProgram {
            program: "/bin/docs".to_owned(),
            args: vec!["-v".to_owned()],
            env: vec![("A".to_owned(), "b".to_owned())],
        };
        let address =
            McpAddress { url: "http://127.0.0.1:1/mcp".to_owned(), token_variable: Some("TOKEN_1".to_owned()) };
        let mcp_servers = vec![
            McpServer { name: "docs".to_owned(), transport: McpTransport::Program(program) },
            McpServer { name: "ours".to_owned(), transport: McpTransport::Http(address) },
        ];
        let settings = r#"{"config":{"mcp":{"own":{}}}}"#.to_owned();
        let launch = planned(Start { mcp_servers, settings, ..start("x") }).expect("a launch");
        let headers = json!({ "Authorization": "Bearer {env:TOKEN_1}" });
        let expected = json!({
            "own": {},
            "docs": { "type": "local", "command": ["/bin/docs", "-v"], "environment": { "A": "b" } },
            "ours": { "type": "remote", "url": "http://127.0.0.1:1/mcp", "headers": headers, "oauth": false },
        });
        assert_eq!(config(&launch)["mcp"], expected);
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
        assert_eq!(code(Start { endpoints: Vec::new(), ..start("x") }), "agent.no_account");
        assert_eq!(code(Start { settings: r#"{"confg":{}}"#.to_owned(), ..start("x") }), "opencode.settings_invalid");
    }
}
