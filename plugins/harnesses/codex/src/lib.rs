//! The Codex harness: `codex app-server`, one process a turn, spoken to in JSON-RPC over lines.
//!
//! It knows Codex and its app server (the shapes are those that `codex app-server generate-json-schema --experimental`
//! of 0.169.0 writes), and no provider: models are asked where the launch says.

mod asked;
mod error;
mod handshake;
mod item;
mod launch;
mod reads;
mod session;
mod shell;
mod turn;
mod work;

use sandboxed_protocol::install::Install;
use sandboxed_sdk::{Driver, config, config_schema, export_harness, harness::*, manifest};
use serde::Deserialize;

use session::CodexSession;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_harness!(Codex);

/// The version that is installed where the operator names none.
const INSTALL: &str = include_str!("../install.json");

/// What `start.settings` may hold.
const SETTINGS_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "config": {
      "description": "Values of Codex's own configuration, named as in its config.toml: {\"mcp_servers\": {…}}.",
      "type": "object"
    }
  }
}"#;

/// The models that Codex 0.169.0 knows (`model/list`), in its order. It takes any other as well.
const MODELS: [&str; 9] = [
    "gpt-6.1-sol",
    "gpt-6-astra",
    "gpt-6-sol",
    "gpt-6-luna",
    "gpt-5.6-sol",
    "gpt-6.1-terra",
    "gpt-5.6-terra",
    "gpt-5.6-luna",
    "gpt-5.5",
];

/// What the models of `model/list` support between them, and `minimal`, which older ones know.
const EFFORTS: [&str; 7] = ["minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

/// The plugin's `config` table.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    install: Option<Install>,
}

impl Config {
    fn install() -> Result<Install, Failure> {
        let config: Self = config()?;
        Ok(config.install.unwrap_or_else(|| Install::built_in(INSTALL)))
    }
}

struct Codex;

impl Driver for Codex {
    type Session = CodexSession;

    fn describe() -> About {
        About {
            summary: "OpenAI Codex, with models of OpenAI or of any provider that speaks its Responses API.".to_owned(),
            abilities: Abilities::RESUME
                | Abilities::INTERRUPT
                | Abilities::STEER
                | Abilities::USAGE
                | Abilities::MODELS
                | Abilities::EFFORTS
                | Abilities::APPROVALS
                | Abilities::PLANNING,
            models: MODELS.map(str::to_owned).to_vec(),
            efforts: EFFORTS.map(str::to_owned).to_vec(),
            settings_schema: SETTINGS_SCHEMA.to_owned(),
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        launch::plan(start, &Config::install()?)
    }

    fn plan_install(target: Target) -> Result<Option<InstallPlan>, Failure> {
        Config::install()?.plan(&target).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(os: &str, arch: &str) -> Target {
        Target { os: os.to_owned(), arch: arch.to_owned(), libc: "gnu".to_owned() }
    }

    #[test]
    fn the_native_program_is_installed_for_both_processors() {
        for (arch, package) in [("x86_64", "0.169.0-linux-x64"), ("aarch64", "0.169.0-linux-arm64")] {
            let plan = Codex::plan_install(target("linux", arch)).expect("a published target").expect("a plan");
            let [InstallStep::Download(download)] = &plan.steps[..] else { panic!("one download: {plan:?}") };
            let npm = NpmPackage { name: "@openai/codex".to_owned(), version: package.to_owned() };
            assert_eq!(download.source, Source::Npm(npm));
            assert_eq!(plan.check.program, "bin/codex");
        }
    }

    #[test]
    fn a_machine_that_codex_is_not_published_for_is_told() {
        let failure = Codex::plan_install(target("plan9", "mips")).expect_err("no build");
        assert_eq!(failure.code, "install.unsupported_target");
    }

    #[test]
    fn the_schema_of_the_config_has_the_install_table_of_all_harnesses() {
        let schema: serde_json::Value = serde_json::from_str(include_str!("../config.schema.json")).expect("JSON");
        let install: serde_json::Value = serde_json::from_str(sandboxed_protocol::install::SCHEMA).expect("JSON");
        assert_eq!(schema["properties"]["install"], install);
    }

    #[test]
    fn transcripts_lead_to_their_events_however_output_is_cut() {
        sandboxed_sdk::testkit::golden::<Codex>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"));
    }
}
