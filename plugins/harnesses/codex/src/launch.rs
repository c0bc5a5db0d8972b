//! How Codex is started for a turn, and what its driver is told of the launch.
//!
//! A session is not given the launch that was planned for it, and what a turn is asked with is a matter of messages
//! and not of arguments. So the launch leaves two files: the facts, beside Codex's own configuration, whose place the
//! answer to `initialize` tells; and the prompt, which may be larger than all that a session can remember. The session
//! has Codex read them (`fs/readFile`).

use sandboxed_protocol::{install::Install, trouble::Trouble};
use sandboxed_sdk::{failure, harness::*};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// Where the facts are, below CODEX_HOME.
pub(crate) const FACTS: &str = "sandboxed-launch.json";

/// CODEX_HOME, below the mission's home.
const CODEX_HOME: &str = ".codex";
/// The prompt, below the inbox.
const PROMPT: &str = "prompt.md";
/// What the provider is called in Codex's configuration. Not `openai`: that one tries WebSockets first and sends
/// compressed requests.
const PROVIDER: &str = "sandboxed";
/// Repeats of a request, and of an answer that broke off, before Codex gives up. The server's gateway repeats as well.
const RETRIES: u32 = 2;
/// Bytes of a prompt. It comes back in base64 on one line, and a line of more than 1 MiB is not read.
const MAX_PROMPT: usize = 700 << 10;
/// Bytes of the settings.
const MAX_SETTINGS: usize = 64 << 10;
/// Bytes of a path that can be remembered.
const MAX_PATH: usize = 1 << 10;
/// It answers `initialize` in less than a second; a machine that is busy may take longer.
const START_WITHIN_MS: u32 = 60_000;

/// What a session has to know of its launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The directory to work in.
    pub(crate) tree: String,
    /// The file with the prompt.
    pub(crate) prompt: String,
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
    /// What of it is remembered for a whole turn is short enough.
    pub(crate) fn fit(&self) -> bool {
        let effort = self.effort.as_deref().unwrap_or_default();
        self.tree.len().max(self.prompt.len()).max(effort.len()) <= MAX_PATH
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    config: Map<String, Json>,
}

/// The launch of a turn.
pub(crate) fn plan(start: Start, install: &Install) -> Result<Launch, Failure> {
    let settings: Settings = serde_json::from_str(&start.settings)
        .map_err(|error| failure!(Config, "codex.settings_invalid", "the settings do not fit: {error}"))?;
    if start.settings.len() > MAX_SETTINGS {
        return Err(failure!(Config, "codex.settings_too_long", "the settings are more than {MAX_SETTINGS} bytes"));
    }
    if start.prompt.len() > MAX_PROMPT {
        let length = start.prompt.len();
        return Err(failure!(Config, "agent.prompt_too_long", "Codex takes {MAX_PROMPT} bytes at once, not {length}")
            .with_hint("put the text into a file of the workspace and name the file in the message"));
    }
    let Some(programs) = &start.programs else { return Err(Trouble::NotInstalled.failure("")) };
    let Some(endpoint) = start.endpoints.iter().find(|endpoint| endpoint.api == ModelApi::Openai) else {
        return Err(failure!(
            Config,
            "codex.endpoint_missing",
            "no endpoint of the API of OpenAI is given to the mission"
        )
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
    let facts = Facts {
        prompt: format!("{}/{PROMPT}", start.inbox),
        tree: start.tree,
        resume: start.resume,
        model: start.model,
        effort: start.effort,
        ask: start.approvals == ApprovalMode::Ask,
        plan: start.mode == WorkMode::Plan,
        config: settings.config,
    };
    let file = |place, path: String, bytes| LaunchFile { place, path, bytes, executable: false };
    Ok(Launch {
        command,
        files: vec![
            file(LaunchPlace::Home, format!("{CODEX_HOME}/{FACTS}"), json!(facts).to_string().into_bytes()),
            file(LaunchPlace::Inbox, PROMPT.to_owned(), start.prompt.into_bytes()),
        ],
        stdout: Framing::Lines,
        stderr: Framing::Lines,
        start_within_ms: Some(START_WITHIN_MS),
        skills: None,
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
pub(crate) mod tests {
    use sandboxed_sdk::testkit::endpoints;

    use super::*;
    use crate::INSTALL;

    pub(crate) fn start(prompt: &str) -> Start {
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
    fn the_prompt_and_the_facts_are_files_and_never_arguments() {
        let asked = Start {
            model: Some("m-1".to_owned()),
            resume: Some("thread".to_owned()),
            approvals: ApprovalMode::Ask,
            mode: WorkMode::Plan,
            settings: r#"{"config":{"web_search":"disabled"}}"#.to_owned(),
            ..start("do it")
        };
        let launch = planned(asked).expect("a launch");
        let [facts, prompt] = &launch.files[..] else { panic!("two files: {:?}", launch.files) };
        assert_eq!((prompt.path.as_str(), prompt.bytes.as_slice()), ("prompt.md", b"do it".as_slice()));
        assert_eq!(facts.path, ".codex/sandboxed-launch.json");
        let facts: Facts = serde_json::from_slice(&facts.bytes).expect("facts");
        assert_eq!(facts.prompt, "/inbox/prompt.md");
        assert!(facts.ask && facts.plan);
        assert_eq!(facts.config["web_search"], "disabled");
        assert!(!launch.command.args.iter().any(|arg| arg.contains("do it")));
    }

    #[test]
    fn what_cannot_be_started_is_told_with_what_mends_it() {
        assert_eq!(code(Start { programs: None, ..start("x") }), "agent.not_installed");
        assert_eq!(code(Start { endpoints: Vec::new(), ..start("x") }), "codex.endpoint_missing");
        assert_eq!(code(Start { settings: r#"{"confg":{}}"#.to_owned(), ..start("x") }), "codex.settings_invalid");
        assert_eq!(code(start(&"x".repeat(MAX_PROMPT + 1))), "agent.prompt_too_long");
    }
}
