//! How Codex is started for a turn, and what its session has of the turn's start.

use sandboxed_protocol::{install::Install, trouble::Trouble};
use sandboxed_sdk::{failure, harness::*};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

/// CODEX_HOME, below the mission's home.
const CODEX_HOME: &str = ".codex";
/// A file in it, so that it is there: Codex makes it not, and does not start without.
const KEPT: &str = ".codex/.keep";
/// Where Codex looks for skills, below the mission's home.
const SKILLS: &str = ".codex/skills";
/// What the provider is called in Codex's configuration. Not `openai`: that one tries WebSockets first and sends
/// compressed requests.
const PROVIDER: &str = "sandboxed";
/// Repeats of a request, and of an answer that broke off, before Codex gives up. The server's gateway repeats as well.
const RETRIES: u32 = 2;
/// Characters that Codex takes at once.
const MAX_PROMPT: usize = 1 << 20;
/// Bytes of the settings.
const MAX_SETTINGS: usize = 64 << 10;
/// It answers `initialize` in less than a second; a machine that is busy may take longer.
const START_WITHIN_MS: u32 = 60_000;

/// What a session has of its turn's start. It is given at each opening, and never saved.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The directory to work in.
    pub(crate) tree: String,
    pub(crate) prompt: String,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) instructions: Option<String>,
    /// The thread to continue.
    pub(crate) resume: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
    /// Codex asks before it does what may do harm.
    pub(crate) ask: bool,
    /// Codex plans and changes nothing.
    pub(crate) plan: bool,
    /// Values of Codex's configuration.
    pub(crate) config: Map<String, Json>,
}

impl Facts {
    /// # Errors
    /// `codex.settings_invalid`, `codex.settings_too_long`, `agent.prompt_too_long`.
    pub(crate) fn of(start: Start) -> Result<Self, Failure> {
        let settings: Settings = serde_json::from_str(&start.settings)
            .map_err(|error| failure!(Config, "codex.settings_invalid", "the settings do not fit: {error}"))?;
        if start.settings.len() > MAX_SETTINGS {
            return Err(failure!(Config, "codex.settings_too_long", "the settings are more than {MAX_SETTINGS} bytes"));
        }
        let length = start.prompt.chars().count();
        if length > MAX_PROMPT {
            return Err(failure!(
                Config,
                "agent.prompt_too_long",
                "Codex takes {MAX_PROMPT} characters at once, not {length}"
            )
            .with_hint("put the text into a file of the workspace and name the file in the message"));
        }
        Ok(Self {
            tree: start.tree,
            prompt: start.prompt,
            attachments: start.attachments,
            instructions: start.instructions,
            resume: start.resume,
            model: start.model,
            effort: start.effort,
            ask: start.approvals == ApprovalMode::Ask,
            plan: start.mode == WorkMode::Plan,
            config: configuration(settings.config, &start.mcp_servers),
        })
    }
}

/// The mission's own values, and the servers of the Model Context Protocol that the host names. A server's token is
/// named by its variable.
fn configuration(mut config: Map<String, Json>, servers: &[McpServer]) -> Map<String, Json> {
    if servers.is_empty() {
        return config;
    }
    let entry = config.entry("mcp_servers").or_insert_with(|| json!({}));
    // What is no table Codex refuses by itself.
    if let Json::Object(named) = entry {
        named.extend(servers.iter().map(|server| (server.name.clone(), mcp_server(&server.transport))));
    }
    config
}

fn mcp_server(transport: &McpTransport) -> Json {
    match transport {
        McpTransport::Program(McpProgram { program, args, env }) => {
            let env: Map<String, Json> = env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({ "command": program, "args": args, "env": env })
        }
        McpTransport::Http(McpAddress { url, token_variable: None }) => json!({ "url": url }),
        McpTransport::Http(McpAddress { url, token_variable: Some(variable) }) => {
            json!({ "url": url, "bearer_token_env_var": variable })
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    config: Map<String, Json>,
}

/// The launch of a turn.
pub(crate) fn plan(start: Start, install: &Install) -> Result<Launch, Failure> {
    let Some(programs) = &start.programs else { return Err(Trouble::NotInstalled.failure("")) };
    let Some(endpoint) = start.endpoints.iter().find(|endpoint| endpoint.api == ModelApi::Openai) else {
        return Err(Trouble::NoAccount
            .failure("Codex needs the API of OpenAI")
            .with_hint("add an account of a provider with that API: sandboxed-sh provider add openai"));
    };
    let codex_home = format!("{}/{CODEX_HOME}", start.home);
    let command = Command {
        program: format!("{programs}/{}", install.check.program),
        args: arguments(endpoint),
        env: vec![("CODEX_HOME".to_owned(), Value::Plain(codex_home))],
        cwd: Some(start.tree.clone()),
        tty: None,
    };
    // All else is told in messages. What cannot be is said before a process is started.
    Facts::of(start)?;
    Ok(Launch {
        command,
        files: vec![LaunchFile {
            place: LaunchPlace::Home,
            path: KEPT.to_owned(),
            bytes: Vec::new(),
            executable: false,
        }],
        stdout: Framing::Lines,
        stderr: Framing::Lines,
        start_within_ms: Some(START_WITHIN_MS),
        skills: Some(SKILLS.to_owned()),
    })
}

/// No telemetry, no look for updates, no plugins (they would be fetched from GitHub at each start), and an end to
/// repeats where nobody answers: without the last flag a refused connection is repeated for ever.
fn arguments(endpoint: &Endpoint) -> Vec<String> {
    let values = [
        ("model_provider", json!(PROVIDER)),
        ("model_providers.sandboxed.name", json!(PROVIDER)),
        ("model_providers.sandboxed.base_url", json!(endpoint.base_url)),
        ("model_providers.sandboxed.env_key", json!(endpoint.key_variable)),
        ("model_providers.sandboxed.wire_api", json!("responses")),
        ("model_providers.sandboxed.request_max_retries", json!(RETRIES)),
        ("model_providers.sandboxed.stream_max_retries", json!(RETRIES)),
        ("analytics.enabled", json!(false)),
        ("check_for_update_on_startup", json!(false)),
    ];
    let mut args = vec!["app-server".to_owned()];
    for (key, value) in values {
        // A string is written alike in JSON and in TOML.
        args.extend(["-c".to_owned(), format!("{key}={value}")]);
    }
    for feature in ["plugins", "unbounded_connection_retries"] {
        args.extend(["--disable".to_owned(), feature.to_owned()]);
    }
    args
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;
    use crate::INSTALL;

    fn start(prompt: &str) -> Start {
        testkit::start(prompt)
    }

    fn planned(start: Start) -> Result<Launch, Failure> {
        plan(start, &Install::built_in(INSTALL))
    }

    fn code(start: Start) -> String {
        planned(start).expect_err("a failure").code
    }

    #[test]
    fn codex_asks_models_where_the_launch_says_and_nobody_else() {
        let launch = planned(start("hello")).expect("a launch");
        assert_eq!(launch.command.program, "/programs/bin/codex");
        let args = launch.command.args.join(" ");
        assert!(args.starts_with("app-server -c model_provider=\"sandboxed\""), "{args}");
        for part in [
            "model_providers.sandboxed.base_url=\"http://127.0.0.1:4000/openai/v1\"",
            "model_providers.sandboxed.env_key=\"OPENAI_API_KEY\"",
            "analytics.enabled=false",
            "check_for_update_on_startup=false",
            "--disable plugins",
        ] {
            assert!(args.contains(part), "{part} in {args}");
        }
        assert!(launch.command.env.iter().any(|(name, _)| name == "CODEX_HOME"));
    }

    #[test]
    fn what_the_turn_is_asked_with_is_never_an_argument_and_never_a_file() {
        let instructions = Some("be brief".to_owned());
        let launch = planned(Start { instructions, ..start("do it") }).expect("a launch");
        assert!(!launch.command.args.iter().any(|arg| arg.contains("do it") || arg.contains("be brief")));
        assert!(launch.files.iter().all(|file| file.bytes.is_empty()), "{:?}", launch.files);
    }

    #[test]
    fn the_directory_that_codex_does_not_start_without_is_there() {
        let launch = planned(start("do it")).expect("a launch");
        let at_home = launch.files.iter().filter(|file| file.place == LaunchPlace::Home);
        assert!(at_home.map(|file| &file.path).any(|path| path.starts_with(".codex/")), "{:?}", launch.files);
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
        let servers = vec![
            McpServer { name: "docs".to_owned(), transport: McpTransport::Program(program) },
            McpServer { name: "ours".to_owned(), transport: McpTransport::Http(address) },
        ];
        let settings = r#"{"config":{"web_search":"disabled","mcp_servers":{"own":{"url":"http://x"}}}}"#.to_owned();
        let facts = Facts::of(Start { mcp_servers: servers, settings, ..start("x") }).expect("they fit");
        let expected = json!({
            "own": { "url": "http://x" },
            "docs": { "command": "/bin/docs", "args": ["-v"], "env": { "A": "b" } },
            "ours": { "url": "http://127.0.0.1:1/mcp", "bearer_token_env_var": "TOKEN_1" },
        });
        assert_eq!(facts.config["mcp_servers"], expected);
        assert_eq!(facts.config["web_search"], "disabled");
    }

    #[test]
    fn what_cannot_be_started_is_told_with_what_mends_it() {
        assert_eq!(code(Start { programs: None, ..start("x") }), "agent.not_installed");
        assert_eq!(code(Start { endpoints: Vec::new(), ..start("x") }), "agent.no_account");
        assert_eq!(code(Start { settings: r#"{"confg":{}}"#.to_owned(), ..start("x") }), "codex.settings_invalid");
        assert_eq!(code(start(&"ä".repeat(MAX_PROMPT + 1))), "agent.prompt_too_long");
        assert!(planned(start(&"ä".repeat(MAX_PROMPT))).is_ok());
    }
}
