//! The driver with the tables of real agents, against what those agents printed.

use std::{collections::BTreeSet, fs, path::PathBuf};

use sandboxed_sdk::testkit::{self, golden, set_config};
use serde_json::Value as Json;

use super::*;

fn tests_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The table that comes with the server, or one of the tests' own.
fn table_of(agent: &str) -> Json {
    let read = |path: PathBuf| -> Json {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        toml::from_str(&text).expect("TOML")
    };
    let configuration = read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../config/sandboxed.toml"));
    let plugins = configuration["plugin"].as_array().expect("plugins");
    let own = |plugin: &&Json| plugin["id"] == agent && plugin["component"] == "acp.wasm";
    plugins.iter().find(own).map_or_else(
        || read(tests_directory().join("agents").join(agent).with_extension("toml")),
        |plugin| plugin["config"].clone(),
    )
}

fn use_table(agent: &str) -> Json {
    let table = table_of(agent);
    set_config(table.to_string());
    table
}

const AGENTS: [&str; 6] = ["gemini", "grok", "goose", "claude", "codex", "opencode"];

fn start() -> Start {
    let resume = Some("native".to_owned());
    Start { turn: 2, approvals: ApprovalMode::Ask, resume, ..testkit::start("say hello") }
}

fn file<'a>(launch: &'a Launch, path: &str) -> &'a str {
    let file = launch.files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is planned"));
    std::str::from_utf8(&file.bytes).expect("a text")
}

/// A file of the agent's settings, in whatever format.
fn settings(launch: &Launch, path: &str) -> Json {
    match path.ends_with(".toml") {
        true => toml::from_str(file(launch, path)).expect("TOML"),
        false => serde_json::from_str(file(launch, path)).expect("JSON"),
    }
}

fn argv(launch: &Launch) -> Vec<&str> {
    [&launch.command.program].into_iter().chain(&launch.command.args).map(String::as_str).collect()
}

#[test]
fn gemini_says_what_it_said() {
    use_table("gemini");
    golden::<Acp>(tests_directory().join("transcripts/gemini"));
}

#[test]
fn grok_says_what_it_said() {
    use_table("grok");
    golden::<Acp>(tests_directory().join("transcripts/grok"));
}

#[test]
fn goose_says_what_it_said() {
    use_table("goose");
    golden::<Acp>(tests_directory().join("transcripts/goose"));
}

#[test]
fn claude_code_needs_a_table_only() {
    use_table("claude");
    golden::<Acp>(tests_directory().join("transcripts/claude"));
}

#[test]
fn codex_needs_a_table_only() {
    use_table("codex");
    golden::<Acp>(tests_directory().join("transcripts/codex"));
}

#[test]
fn opencode_needs_a_table_only() {
    use_table("opencode");
    golden::<Acp>(tests_directory().join("transcripts/opencode"));
}

#[test]
fn version_2_is_spoken_with_an_agent_that_speaks_it() {
    let mut table = table_of("opencode");
    table["protocol"] = 2.into();
    set_config(table.to_string());
    golden::<Acp>(tests_directory().join("transcripts/version-2"));
}

#[test]
fn node_runs_a_script_and_the_model_is_an_argument() {
    use_table("gemini");
    let launch = Acp::plan_launch(start()).expect("a good launch");
    let argv = argv(&launch);
    assert_eq!(argv[..2], ["/programs/node/bin/node", "/programs/gemini/bundle/gemini.js"]);
    assert_eq!(argv[2..], ["--acp", "--model", "gemini-3.1-pro-preview"]);
    let settings: Json = serde_json::from_str(file(&launch, ".gemini/settings.json")).expect("JSON");
    assert_eq!(settings["general"]["sessionRetention"]["enabled"], false);
}

#[test]
fn a_configuration_file_names_the_gateway_and_never_a_key() {
    use_table("grok");
    let launch = Acp::plan_launch(Start { model: Some("m-1".to_owned()), ..start() }).expect("a good launch");
    let mission = &settings(&launch, ".grok/config.toml")["model"]["mission"];
    assert_eq!(mission["base_url"], "http://127.0.0.1:4000/openai/v1");
    assert_eq!((&mission["env_key"], &mission["model"]), (&"OPENAI_API_KEY".into(), &"m-1".into()));
    assert_eq!(argv(&launch)[1..], ["agent", "--no-leader", "stdio"]);
    let launch = Acp::plan_launch(Start { effort: Some("high".to_owned()), ..start() }).expect("a good launch");
    assert_eq!(argv(&launch)[1..], ["agent", "--no-leader", "--effort", "high", "stdio"]);
}

#[test]
fn variables_are_filled_and_secrets_stay_names() {
    let mut table = table_of("goose");
    table["env"]["EXTRA"] = serde_json::json!({ "secret": "goose-key" });
    set_config(table.to_string());
    let launch = Acp::plan_launch(start()).expect("a good launch");
    let value = |name: &str| launch.command.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    assert_eq!(value("GOOSE_MODE"), Some(Value::Plain("approve".to_owned())));
    assert_eq!(value("EXTRA"), Some(Value::Secret("goose-key".to_owned())));
}

#[test]
fn a_prompt_is_never_an_argument_and_never_a_file() {
    use_table("goose");
    let launch = Acp::plan_launch(start()).expect("a good launch");
    assert!(!format!("{:?}", launch.command).contains("say hello"));
    assert!(launch.files.iter().all(|file| file.place == LaunchPlace::Home));
}

#[test]
fn instructions_are_a_file_of_the_agents_and_gone_when_there_are_none() {
    for (agent, path, skills) in [
        ("gemini", ".gemini/GEMINI.md", ".gemini/skills"),
        ("grok", ".grok/AGENTS.md", ".grok/skills"),
        ("goose", ".config/goose/.goosehints", ".config/goose/skills"),
    ] {
        use_table(agent);
        let told = Start { instructions: Some("be \"brief\"".to_owned()), ..start() };
        let launch = Acp::plan_launch(told).expect("a good launch");
        assert_eq!((file(&launch, path), launch.skills.as_deref()), ("be \"brief\"", Some(skills)));
        assert_eq!(file(&Acp::plan_launch(start()).expect("a good launch"), path), "");
    }
}

#[test]
fn servers_are_in_the_agents_own_settings_and_their_tokens_are_named() {
    let program = McpProgram {
        program: "/bin/docs".to_owned(),
        args: vec!["-v".to_owned()],
        env: vec![("A".to_owned(), "b \"c\"".to_owned())],
    };
    let address = McpAddress { url: "http://127.0.0.1:1/mcp".to_owned(), token_variable: Some("TOKEN_1".to_owned()) };
    let mcp_servers = vec![
        McpServer { name: "docs".to_owned(), transport: McpTransport::Program(program) },
        McpServer { name: "ours".to_owned(), transport: McpTransport::Http(address) },
    ];
    for (agent, path, key, env) in [
        ("gemini", ".gemini/settings.json", "mcpServers", "env"),
        ("grok", ".grok/config.toml", "mcp_servers", "env"),
        ("goose", ".config/goose/config.yaml", "extensions", "envs"),
    ] {
        use_table(agent);
        let launch = Acp::plan_launch(Start { mcp_servers: mcp_servers.clone(), ..start() }).expect("a good launch");
        let settings = settings(&launch, path);
        let named = &settings[key];
        assert_eq!(named["ours"]["headers"]["Authorization"], "Bearer ${TOKEN_1}", "{agent}");
        assert_eq!(named["docs"]["args"], serde_json::json!(["-v"]), "{agent}");
        assert_eq!(named["docs"][env], serde_json::json!({ "A": "b \"c\"" }), "{agent}");
        let alone = Acp::plan_launch(start()).expect("a good launch");
        assert!(!file(&alone, path).contains("/bin/docs"), "{agent}");
    }
}

#[test]
fn a_table_that_names_no_settings_for_servers_is_refused() {
    for (file, key) in [(".gemini/other.json", "mcpServers"), (".gemini/settings.json", "general.maxAttempts")] {
        let mut table = table_of("gemini");
        table["mcp"]["file"] = file.into();
        table["mcp"]["key"] = key.into();
        table["home_files"][".gemini/settings.json"]["general.maxAttempts"] = 3.into();
        set_config(table.to_string());
        assert_eq!(Acp::plan_launch(start()).expect_err("no place").code, "acp.file_unfit");
    }
}

#[test]
fn an_agent_without_a_mode_for_plans_does_not_plan() {
    use_table("grok");
    let failure = Acp::plan_launch(Start { mode: WorkMode::Plan, ..start() }).expect_err("no such mode");
    assert_eq!(failure.code, "acp.no_planning");
    assert!(!Acp::describe().abilities.contains(Abilities::PLANNING));
}

#[test]
fn what_is_not_installed_is_not_started() {
    use_table("goose");
    let failure = Acp::plan_launch(Start { programs: None, ..start() }).expect_err("nothing is installed");
    assert_eq!(failure.code, "agent.not_installed");
}

#[test]
fn each_agent_is_installed_by_its_table() {
    let target = |arch: &str| Target { os: "linux".to_owned(), arch: arch.to_owned(), libc: "gnu".to_owned() };
    for agent in ["gemini", "grok", "goose"] {
        use_table(agent);
        let plan = Acp::plan_install(target("x86_64")).expect(agent).expect("it has to be installed");
        assert!(plan.steps.iter().any(|step| matches!(step, InstallStep::Executable(_))), "{agent}");
        let elsewhere = Acp::plan_install(target("riscv64")).expect_err("no build for it");
        assert_eq!(elsewhere.code, "install.unsupported_target");
    }
    use_table("opencode");
    assert!(Acp::plan_install(target("x86_64")).expect("nothing can fail").is_none());
}

#[test]
fn a_table_that_does_not_fit_is_told_of_where_harnesses_are_listed() {
    set_config(r#"{ "summary": "x", "command": { "program": "x" }, "protocol": 3 }"#);
    assert!(Acp::describe().summary.contains("version 3 of the protocol"), "{}", Acp::describe().summary);
}

#[test]
fn the_schema_knows_every_key_that_tables_use() {
    let schema: Json = serde_json::from_str(include_str!("../config.schema.json")).expect("JSON");
    let install: Json = serde_json::from_str(sandboxed_protocol::install::SCHEMA).expect("JSON");
    assert_eq!(schema["properties"]["install"], install);
    let keys: BTreeSet<String> = AGENTS
        .iter()
        .flat_map(|agent| table_of(agent).as_object().expect("a table").keys().cloned().collect::<Vec<_>>())
        .collect();
    for key in keys {
        assert!(schema["properties"][&key]["description"].is_string(), "{key}");
    }
}

#[test]
fn a_session_is_small_whatever_an_agent_prints() {
    use_table("goose");
    let mut session = AcpSession::open(testkit::start("\u{1}".repeat(1 << 20)), None).expect("a new one");
    let frame = |json: &Json| {
        let bytes = format!("{json}\n").into_bytes();
        Input::Frames(vec![Frame { stream: Stream::Stdout, offset: 0, bytes, partial: false }])
    };
    let mut step = |input: Input| {
        session.step(0, input).expect("no failure");
        assert!(session.save().len() < 60 << 10, "{} bytes", session.save().len());
    };
    step(Input::Prompt);
    step(frame(&serde_json::json!({ "id": 1, "result": { "protocolVersion": 1 } })));
    step(frame(&serde_json::json!({ "id": 2, "result": { "sessionId": "s" } })));
    step(frame(&serde_json::json!({ "id": 3, "result": {} })));
    let noise = "\u{1}\"".repeat(1 << 15);
    for n in 0..300 {
        let update = |update: Json| serde_json::json!({ "method": "session/update", "params": { "update": update } });
        let id = format!("{n}{}", "\u{1}".repeat(n % 200));
        step(frame(&update(serde_json::json!({ "sessionUpdate": "tool_call", "toolCallId": id, "title": noise,
            "rawInput": { "command": noise } }))));
        step(frame(&update(serde_json::json!({ "sessionUpdate": "agent_message_chunk", "messageId": id,
            "content": { "text": format!("Network error: {noise}") } }))));
        step(frame(&serde_json::json!({ "id": id, "method": "session/request_permission", "params": {
            "toolCall": { "toolCallId": id, "title": noise },
            "options": [{ "kind": "allow_once", "optionId": id }, { "kind": "reject_once", "optionId": id }] } })));
        step(frame(&serde_json::json!({ "id": id, "method": "elicitation/create", "params": { "mode": "form",
            "requestedSchema": { "properties": { id.clone(): { "type": "string", "title": &noise[..n] } } } } })));
    }
}
