//! How Claude Code is started for a turn.

use sandboxed_protocol::{install::Install, trouble::Trouble};
use sandboxed_sdk::harness::{
    ApprovalMode, Command, Failure, Framing, Launch, LaunchFile, LaunchPlace, McpAddress, McpProgram, McpServer,
    McpTransport, Start, Value, WorkMode,
};
use serde_json::{Map, Value as Json, json};

use crate::settings::Settings;

/// The file with the instructions, below the inbox.
const INSTRUCTIONS: &str = "instructions.md";
/// The file that names servers of the Model Context Protocol, below the inbox.
const MCP: &str = "mcp.json";
/// Where Claude Code looks for skills, below the mission's home.
const SKILLS: &str = ".claude/skills";

/// Milliseconds until the first line at the latest. It was there after 1.2 s on a machine with much to do.
const START_WITHIN_MS: u32 = 60_000;

/// Both directions in JSON, texts as they come (of sub-agents too), and a word when a message has been taken.
const PROTOCOL: [&str; 10] = [
    "-p",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--verbose",
    "--include-partial-messages",
    "--forward-subagent-text",
    "--replay-user-messages",
    // Plan mode would have a model judge what to allow, and that model is asked past the server's gateway.
    "--settings",
    r#"{"permissions":{"disableAutoMode":"disable"},"useAutoModeDuringPlan":false}"#,
    // With the turn the process ends: nothing wakes it later.
    "--disallowed-tools=ScheduleWakeup,Monitor",
];

/// Approvals, and questions to a person, come as control requests.
const ASKED: &str = "--permission-prompt-tool=stdio";
/// Nobody is asked: what would have to be is denied.
const NOBODY: &str = "--permission-prompts=none";

/// What goes out to nobody but the provider of models, and what goes on in the background.
const ENVIRONMENT: [(&str, &str); 8] = [
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_TELEMETRY", "1"),
    ("DISABLE_ERROR_REPORTING", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    // Sub-agents and commands would be ended with the process; so the agent waits for them.
    ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1"),
    ("CLAUDE_CODE_DISABLE_CRON", "1"),
    // A list of things to do as one call that holds it whole: it is shown as the plan.
    ("CLAUDE_CODE_ENABLE_TODO_TOOLS", "1"),
    ("CLAUDE_CODE_ENABLE_TASKS", "0"),
];

/// Plans the launch of a turn.
pub(crate) fn plan(start: Start, install: &Install) -> Result<Launch, Failure> {
    let settings = Settings::read(&start.settings)?;
    let Some(programs) = start.programs else { return Err(Trouble::NotInstalled.failure("")) };
    let mut args: Vec<String> = PROTOCOL.map(str::to_owned).to_vec();
    let mut env: Vec<(String, Value)> = Vec::new();
    let mut set = |name: &str, value: String| env.push((name.to_owned(), Value::Plain(value)));
    for (name, value) in ENVIRONMENT {
        set(name, value.to_owned());
    }
    let (mode, asked) = match (start.mode, start.approvals) {
        (WorkMode::Plan, ApprovalMode::Ask) => ("plan", ASKED),
        // An approval by nobody would end the planning: so there is none, and what changes anything is denied.
        (WorkMode::Plan, ApprovalMode::Bypass) => ("plan", NOBODY),
        (WorkMode::Act, ApprovalMode::Ask) => ("default", ASKED),
        (WorkMode::Act, ApprovalMode::Bypass) => {
            // Without this it refuses to run as root when it asks for nothing.
            set("IS_SANDBOX", "1".to_owned());
            ("bypassPermissions", ASKED)
        }
    };
    if let Some(retries) = settings.max_retries {
        set("CLAUDE_CODE_MAX_RETRIES", retries.to_string());
    }
    args.push(asked.to_owned());
    // `--name=value` in one: a value that begins with a dash is no option.
    let mut option = |name: &str, value: Option<String>| args.extend(value.map(|value| format!("--{name}={value}")));
    let listed = |tools: &[String]| (!tools.is_empty()).then(|| tools.join(","));
    option("permission-mode", Some(mode.to_owned()));
    option("model", start.model);
    option("effort", start.effort);
    option("resume", start.resume);
    option("max-turns", settings.max_turns.map(|turns| turns.to_string()));
    option("max-budget-usd", settings.max_budget_usd.map(|budget| budget.to_string()));
    option("allowed-tools", listed(&settings.allowed_tools));
    option("disallowed-tools", listed(&settings.disallowed_tools));
    option("fallback-model", settings.fallback_model);
    // Files: arguments can be read by every process of the machine, and are short.
    let texts: Vec<String> = start.instructions.into_iter().chain(settings.append_system_prompt).collect();
    let instructions = (!texts.is_empty()).then(|| file(INSTRUCTIONS, texts.join("\n\n")));
    let servers = (!start.mcp_servers.is_empty()).then(|| file(MCP, mcp_servers(&start.mcp_servers).to_string()));
    let mut files = Vec::new();
    for (name, planned) in [("append-system-prompt-file", instructions), ("mcp-config", servers)] {
        option(name, planned.as_ref().map(|file| format!("{}/{}", start.inbox, file.path)));
        files.extend(planned);
    }
    Ok(Launch {
        command: Command {
            program: format!("{programs}/{}", install.check.program),
            args,
            env,
            cwd: Some(start.tree),
            tty: None,
        },
        files,
        stdout: Framing::Lines,
        stderr: Framing::Lines,
        start_within_ms: Some(START_WITHIN_MS),
        skills: Some(SKILLS.to_owned()),
    })
}

fn file(path: &str, text: String) -> LaunchFile {
    LaunchFile { place: LaunchPlace::Inbox, path: path.to_owned(), bytes: text.into_bytes(), executable: false }
}

/// Servers as Claude Code's `--mcp-config` names them, beside those of the repository. Tokens are named by their
/// variables.
fn mcp_servers(servers: &[McpServer]) -> Json {
    let entry = |server: &McpServer| (server.name.clone(), mcp_server(&server.transport));
    let named: Map<String, Json> = servers.iter().map(entry).collect();
    json!({ "mcpServers": named })
}

fn mcp_server(transport: &McpTransport) -> Json {
    match transport {
        McpTransport::Program(McpProgram { program, args, env }) => {
            let env: Map<String, Json> = env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({ "type": "stdio", "command": program, "args": args, "env": env })
        }
        McpTransport::Http(McpAddress { url, token_variable }) => {
            let authorization = token_variable.iter().map(|name| format!("Bearer ${{{name}}}"));
            let headers: Map<String, Json> =
                authorization.map(|value| ("Authorization".to_owned(), json!(value))).collect();
            json!({ "type": "http", "url": url, "headers": headers })
        }
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;

    fn start(settings: &str) -> Start {
        Start {
            model: Some("opus".to_owned()),
            effort: Some("high".to_owned()),
            approvals: ApprovalMode::Ask,
            resume: Some("-x".to_owned()),
            settings: settings.to_owned(),
            ..testkit::start("secret plans")
        }
    }

    fn planned(start: Start) -> Launch {
        plan(start, &Install::built_in(crate::INSTALL)).expect("a launch")
    }

    fn has(launch: &Launch, arg: &str) -> bool {
        launch.command.args.iter().any(|other| other == arg)
    }

    #[test]
    fn the_prompt_is_no_argument_and_no_value_is_taken_for_an_option() {
        let launch = planned(start("{}"));
        assert_eq!(launch.command.program, "/programs/claude");
        assert!(launch.command.args.iter().all(|arg| !arg.contains("secret plans")));
        assert!(has(&launch, "--resume=-x") && has(&launch, "--model=opus") && has(&launch, "--effort=high"));
    }

    #[test]
    fn who_is_asked_depends_on_the_mode_of_approvals_and_of_work() {
        let mode = |approvals, mode| planned(Start { approvals, mode, ..start("{}") });
        let sandbox = |launch: &Launch| launch.command.env.iter().any(|(name, _)| name == "IS_SANDBOX");
        let asks = mode(ApprovalMode::Ask, WorkMode::Act);
        assert!(has(&asks, "--permission-mode=default") && !sandbox(&asks));
        let free = mode(ApprovalMode::Bypass, WorkMode::Act);
        assert!(has(&free, "--permission-mode=bypassPermissions") && sandbox(&free));
        let plans = mode(ApprovalMode::Ask, WorkMode::Plan);
        assert!(has(&plans, "--permission-mode=plan") && has(&plans, "--permission-prompt-tool=stdio"));
        let only_plans = mode(ApprovalMode::Bypass, WorkMode::Plan);
        assert!(has(&only_plans, "--permission-mode=plan") && has(&only_plans, "--permission-prompts=none"));
    }

    #[test]
    fn settings_become_options_and_instructions_a_file() {
        let settings = r#"{"append_system_prompt":"Be brief.","max_turns":3,"allowed_tools":["Read","Bash(git:*)"]}"#;
        let launch = planned(start(settings));
        assert!(has(&launch, "--max-turns=3") && has(&launch, "--allowed-tools=Read,Bash(git:*)"));
        assert!(has(&launch, "--append-system-prompt-file=/inbox/instructions.md"));
        assert_eq!(launch.files[0].bytes, b"Be brief.");
        let launch = planned(start(r#"{"max_retries":1}"#));
        let retries = ("CLAUDE_CODE_MAX_RETRIES".to_owned(), Value::Plain("1".to_owned()));
        assert!(launch.command.env.contains(&retries));
    }

    #[test]
    fn instructions_of_the_host_stand_before_those_of_the_mission() {
        let settings = r#"{"append_system_prompt":"Be brief."}"#;
        let launch = planned(Start { instructions: Some("Be kind.".to_owned()), ..start(settings) });
        assert_eq!(launch.files[0].bytes, b"Be kind.\n\nBe brief.");
    }

    #[test]
    fn servers_are_named_in_a_file_and_their_tokens_by_variables() {
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
        let launch = planned(Start { mcp_servers, ..start("{}") });
        assert!(has(&launch, "--mcp-config=/inbox/mcp.json"));
        let headers = json!({ "Authorization": "Bearer ${TOKEN_1}" });
        let expected = json!({ "mcpServers": {
            "docs": { "type": "stdio", "command": "/bin/docs", "args": ["-v"], "env": { "A": "b" } },
            "ours": { "type": "http", "url": "http://127.0.0.1:1/mcp", "headers": headers },
        } });
        assert_eq!(serde_json::from_slice::<Json>(&launch.files[0].bytes).expect("JSON"), expected);
    }

    #[test]
    fn without_its_program_it_says_how_that_is_installed() {
        let failure = plan(Start { programs: None, ..start("{}") }, &Install::built_in(crate::INSTALL));
        let failure = failure.expect_err("no program");
        assert_eq!(failure.code, "agent.not_installed");
    }

    #[test]
    fn unknown_settings_are_refused() {
        let failure = plan(start(r#"{"max_turn":3}"#), &Install::built_in(crate::INSTALL)).expect_err("a misspelt key");
        assert_eq!(failure.code, "claude_code.settings_invalid");
    }
}
