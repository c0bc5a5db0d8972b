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

use sandboxed_protocol::configured::Agent;
use sandboxed_sdk::{Driver, config_schema, export_harness, harness::*, manifest};

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

fn agent() -> Agent {
    Agent {
        summary: "OpenAI Codex, with models of OpenAI or of any provider that speaks its Responses API.",
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

struct Codex;

impl Driver for Codex {
    type Session = CodexSession;

    fn describe() -> About {
        agent().about()
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        launch::plan(start, &agent().install()?)
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
    fn it_is_a_harness_as_the_others_are() {
        agent().check(include_str!("../config.schema.json"));
    }

    #[test]
    fn transcripts_lead_to_their_events_however_output_is_cut() {
        sandboxed_sdk::testkit::golden::<Codex>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"));
    }
}
