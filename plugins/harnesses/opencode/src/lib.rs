//! The OpenCode harness: `opencode serve`, one process a turn, spoken to through a bridge that makes lines of its HTTP
//! interface (`bridge.js`, which OpenCode's own program runs).
//!
//! It knows OpenCode (the shapes are those of 1.18.33), and no provider: models are asked where the launch says.

mod asked;
mod error;
mod launch;
mod part;
mod permission;
mod session;
mod told;
mod work;

use sandboxed_protocol::install::Install;
use sandboxed_sdk::{Driver, config, config_schema, export_harness, harness::*, manifest};
use serde::Deserialize;

use session::OpencodeSession;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_harness!(Opencode);

/// The version that is installed where the operator names none.
const INSTALL: &str = include_str!("../install.json");

/// What `start.settings` may hold.
const SETTINGS_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "config": {
      "description": "Values of OpenCode's own configuration, named as in its opencode.json: {\"mcp\": {…}}.",
      "type": "object"
    }
  }
}"#;

/// Models that are offered. Any other name is taken as well.
const MODELS: [&str; 5] = ["claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "gpt-6.1-sol", "gpt-6-luna"];

/// OpenCode's variants of models that think. It leaves out one that the model does not have.
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

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

struct Opencode;

impl Driver for Opencode {
    type Session = OpencodeSession;

    fn describe() -> About {
        About {
            summary: "OpenCode, with models of Anthropic, of OpenAI or of any provider that speaks as they do."
                .to_owned(),
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
    fn the_native_program_is_installed_and_what_it_searches_with() {
        let plan = Opencode::plan_install(target("linux", "x86_64")).expect("a published target").expect("a plan");
        let package = |step: &InstallStep| match step {
            InstallStep::Download(Download { source: Source::Npm(package), .. }) => Some(package.name.clone()),
            _ => None,
        };
        let packages: Vec<String> = plan.steps.iter().filter_map(package).collect();
        assert_eq!(packages, ["opencode-linux-x64", "@vscode/ripgrep-linux-x64"]);
        assert_eq!(plan.check.program, "bin/opencode");
    }

    #[test]
    fn a_machine_that_the_plugin_brings_no_build_for_is_told() {
        let failure = Opencode::plan_install(target("plan9", "mips")).expect_err("no build");
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
        sandboxed_sdk::testkit::golden::<Opencode>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"));
    }
}
