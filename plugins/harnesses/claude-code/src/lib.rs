//! The Claude Code harness: one process a turn, spoken to in stream-json in both directions.
//!
//! It knows how Claude Code is started and set up (as of 2.1.330); what it prints is read by `sandboxed_protocol`, and
//! where models are asked the launch says.

mod launch;
mod settings;

use sandboxed_protocol::{
    configured::Agent,
    stream_json::{Dialect, StreamJson},
};
use sandboxed_sdk::{Driver, config_schema, export_harness, harness::*, manifest};

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_harness!(ClaudeCode);

/// The version that is installed where the operator names none.
const INSTALL: &str = include_str!("../install.json");

/// The names under which Claude Code 2.1.330 knows models (its answer to `initialize`). It takes any other as well.
const MODELS: [&str; 4] = ["opus", "fable", "sonnet", "haiku"];

/// What `--effort` takes.
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

fn agent() -> Agent {
    Agent {
        summary: "Claude Code, with models of Anthropic or of any provider that speaks its Messages API.",
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
        settings_schema: settings::SCHEMA,
        install: INSTALL,
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
    fn it_is_a_harness_as_the_others_are() {
        agent().check(include_str!("../config.schema.json"));
    }

    #[test]
    fn transcripts_lead_to_their_events_however_output_is_cut() {
        testkit::golden::<ClaudeCode>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"));
    }
}
