//! The Claude Code harness: one process a turn, spoken to in stream-json in both directions.
//!
//! It knows how Claude Code is started and set up (as of 2.1.330); what it prints is read by `sandboxed_protocol`, and
//! where models are asked the launch says.

mod launch;
mod settings;

use sandboxed_protocol::{
    install::Install,
    stream_json::{Dialect, StreamJson},
};
use sandboxed_sdk::{Driver, config, config_schema, export_harness, harness::*, manifest};
use serde::Deserialize;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_harness!(ClaudeCode);

/// The version that is installed where the operator names none.
const INSTALL: &str = include_str!("../install.json");

/// The names under which Claude Code 2.1.330 knows models (its answer to `initialize`). It takes any other as well.
const MODELS: [&str; 4] = ["opus", "fable", "sonnet", "haiku"];

/// What `--effort` takes.
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

/// The plugin's `config` table.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    install: Option<Install>,
    models: Option<Vec<String>>,
}

impl Config {
    fn install(self) -> Install {
        self.install.unwrap_or_else(|| Install::built_in(INSTALL))
    }
}

/// Claude Code's own stream-json.
#[derive(Debug)]
struct Native;

impl Dialect for Native {
    const CONTROL: bool = true;
}

struct ClaudeCode;

impl Driver for ClaudeCode {
    type Session = StreamJson<Native>;

    fn describe() -> About {
        // A config that does not fit is told when a mission begins.
        let models = config::<Config>().ok().and_then(|config| config.models);
        About {
            summary: "Claude Code, with models of Anthropic or of any provider that speaks its Messages API."
                .to_owned(),
            abilities: Abilities::RESUME
                | Abilities::INTERRUPT
                | Abilities::STEER
                | Abilities::USAGE
                | Abilities::MODELS
                | Abilities::EFFORTS
                | Abilities::APPROVALS
                | Abilities::PLANNING,
            models: models.unwrap_or_else(|| MODELS.map(str::to_owned).to_vec()),
            efforts: EFFORTS.map(str::to_owned).to_vec(),
            settings_schema: settings::SCHEMA.to_owned(),
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        launch::plan(start, &config::<Config>()?.install())
    }

    fn plan_install(target: Target) -> Result<Option<InstallPlan>, Failure> {
        config::<Config>()?.install().plan(&target).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;

    fn target(os: &str, arch: &str, libc: &str) -> Target {
        Target { os: os.to_owned(), arch: arch.to_owned(), libc: libc.to_owned() }
    }

    #[test]
    fn each_target_gets_the_one_package_that_is_for_it() {
        let targets = [
            target("linux", "x86_64", "gnu"),
            target("linux", "x86_64", "musl"),
            target("linux", "aarch64", "gnu"),
            target("linux", "aarch64", "musl"),
            target("macos", "aarch64", ""),
        ];
        for target in targets {
            let plan = ClaudeCode::plan_install(target).expect("a known target").expect("something to install");
            let downloads = plan.steps.iter().filter(|step| matches!(step, InstallStep::Download(_))).count();
            assert_eq!(downloads, 1, "{plan:?}");
            assert_eq!(plan.check.program, "claude");
        }
    }

    #[test]
    fn a_machine_that_it_is_not_published_for_is_told() {
        let failure = ClaudeCode::plan_install(target("linux", "riscv64", "gnu")).expect_err("no such package");
        assert_eq!(failure.code, "install.unsupported_target");
    }

    #[test]
    fn the_operator_says_which_models_can_be_chosen() {
        assert_eq!(ClaudeCode::describe().models, MODELS);
        testkit::set_config(r#"{"models":["claude-sonnet-5-5"]}"#);
        assert_eq!(ClaudeCode::describe().models, ["claude-sonnet-5-5"]);
    }

    #[test]
    fn the_schema_of_the_config_has_the_install_table_of_all_harnesses() {
        let config: serde_json::Value = serde_json::from_str(include_str!("../config.schema.json")).expect("JSON");
        let install: serde_json::Value = serde_json::from_str(sandboxed_protocol::install::SCHEMA).expect("JSON");
        assert_eq!(config["properties"]["install"], install);
    }

    #[test]
    fn transcripts_lead_to_their_events_however_output_is_cut() {
        testkit::golden::<ClaudeCode>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"));
    }
}
