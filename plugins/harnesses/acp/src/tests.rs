//! The driver with the tables of real agents, against what those agents printed.

use std::{collections::BTreeSet, fs, path::PathBuf};

use sandboxed_sdk::testkit::{endpoints, golden, set_config};
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
    Start {
        mission: "m".to_owned(),
        turn: 2,
        tree: "/workspace".to_owned(),
        inbox: "/inbox".to_owned(),
        home: "/home/mission".to_owned(),
        programs: Some("/programs".to_owned()),
        prompt: "say hello".to_owned(),
        attachments: Vec::new(),
        instructions: None,
        mcp_servers: Vec::new(),
        model: None,
        effort: None,
        approvals: ApprovalMode::Ask,
        mode: WorkMode::Act,
        endpoints: endpoints(),
        resume: Some("native".to_owned()),
        settings: "{}".to_owned(),
    }
}

fn file<'a>(launch: &'a Launch, path: &str) -> &'a str {
    let file = launch.files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is planned"));
    std::str::from_utf8(&file.bytes).expect("a text")
}

/// The agent's own command line: before it stand the starter and the facts.
fn argv(launch: &Launch) -> Vec<&str> {
    launch.command.args[3..].iter().map(String::as_str).collect()
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
    let config = file(&launch, ".grok/config.toml");
    assert!(
        config.contains("base_url = \"http://127.0.0.1:4000/openai/v1\"\nenv_key = \"OPENAI_API_KEY\""),
        "{config}"
    );
    assert!(config.contains("model = \"m-1\""), "{config}");
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
fn the_process_begins_with_the_facts_of_its_launch() {
    use_table("gemini");
    let launch = Acp::plan_launch(start()).expect("a good launch");
    assert_eq!(launch.command.program, "sh");
    assert_eq!(launch.command.args[2], "/inbox/launch-2.json");
    let facts: Json = serde_json::from_str(file(&launch, "launch-2.json")).expect("JSON");
    assert_eq!(facts["launch"]["tree"], "/workspace");
    assert_eq!(facts["launch"]["resume"], "native");
    assert_eq!(facts["launch"]["bypass"], false);
}

#[test]
fn a_prompt_is_never_an_argument_and_a_long_one_is_a_file() {
    use_table("goose");
    let short = Acp::plan_launch(start()).expect("a good launch");
    assert!(!format!("{:?}", short.command).contains("say hello"));
    let prompt = "ä".repeat(100_000);
    let long = Acp::plan_launch(Start { prompt: prompt.clone(), ..start() }).expect("a good launch");
    assert_eq!(file(&long, "prompt-2.md"), prompt);
    assert!(file(&long, "launch-2.json").contains("\"prompt_file\":\"/inbox/prompt-2.md\""));
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
    let mut session = AcpSession::open(sandboxed_sdk::testkit::start("\u{1}".repeat(3400)), None).expect("a new one");
    let frame = |json: &Json| {
        let bytes = format!("{json}\n").into_bytes();
        Input::Frames(vec![Frame { stream: Stream::Stdout, offset: 0, bytes, partial: false }])
    };
    let mut step = |input: Input| {
        session.step(0, input).expect("no failure");
        assert!(session.save().len() < 60 << 10, "{} bytes", session.save().len());
    };
    step(Input::Prompt);
    let facts = serde_json::json!({ "launch": { "tree": "/workspace", "resume": null, "bypass": false, "plan": false,
        "model": null, "effort": null, "prompt_file": null } });
    step(frame(&facts));
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
