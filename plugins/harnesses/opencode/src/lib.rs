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

use sandboxed_protocol::configured::Agent;
use sandboxed_sdk::{Driver, config_schema, export_harness, harness::*, manifest};

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
    },
    "max_retries": {
      "description": "Times that a request to the model is repeated before the turn fails; otherwise it is 5.",
      "type": "integer",
      "minimum": 0,
      "maximum": 5
    }
  }
}"#;

/// Models that are offered. Any other name is taken as well.
const MODELS: [&str; 5] = ["claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "gpt-6.1-sol", "gpt-6-luna"];

/// OpenCode's variants of models that think. It leaves out one that the model does not have.
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

fn agent() -> Agent {
    Agent {
        summary: "OpenCode, with models of Anthropic, of OpenAI or of any provider that speaks as they do.",
        abilities: Abilities::RESUME
            | Abilities::INTERRUPT
            | Abilities::STEER
            | Abilities::USAGE
            | Abilities::MODELS
            | Abilities::EFFORTS
            | Abilities::APPROVALS
            | Abilities::PLANNING
            | Abilities::IMAGES,
        models: &MODELS,
        efforts: &EFFORTS,
        settings_schema: SETTINGS_SCHEMA,
        install: INSTALL,
    }
}

struct Opencode;

impl Driver for Opencode {
    type Session = OpencodeSession;

    fn describe() -> About {
        agent().about()
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        launch::plan(start, &agent())
    }

    fn plan_install(target: Target) -> Result<Option<InstallPlan>, Failure> {
        agent().plan_install(&target)
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
    fn it_is_a_harness_as_the_others_are() {
        agent().check(include_str!("../config.schema.json"));
    }

    #[test]
    fn transcripts_lead_to_their_events_however_output_is_cut() {
        sandboxed_sdk::testkit::golden::<Opencode>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"));
    }
}
