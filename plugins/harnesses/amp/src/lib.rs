//! The Amp harness: one process a turn, which prints stream-json.
//!
//! It knows how Amp is started (as of 0.0.1790142911). Amp asks a service of its own, which asks models in its turn:
//! what the launch says of where models are asked means nothing to it.

use sandboxed_protocol::{
    configured::Agent,
    stream_json::{Dialect, StreamJson},
    trouble::Trouble,
};
use sandboxed_sdk::{Driver, config, config_schema, export_harness, failure, harness::*, manifest};
use serde::Deserialize;

manifest!("../plugin.toml");
config_schema!("../config.schema.json");
export_harness!(Amp);

/// The version that is installed where the operator names none.
const INSTALL: &str = include_str!("../install.json");

/// What `--mode` takes: how strong a model, and with it instructions and tools.
const EFFORTS: [&str; 4] = ["low", "medium", "high", "ultra"];

/// What `start.settings` may hold.
const SETTINGS_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "visibility": {
      "description": "Who sees the conversation at Amp's service.",
      "enum": ["private", "unlisted", "workspace", "group"],
      "default": "private"
    }
  }
}"#;

/// What only the plugin's own `config` table has.
#[derive(Debug, Deserialize)]
struct Config {
    api_key_secret: String,
    url: Option<String>,
}

fn agent() -> Agent {
    Agent {
        summary: "Amp, with the models of its own service; needs an account and a key there.",
        abilities: Abilities::RESUME | Abilities::INTERRUPT | Abilities::USAGE | Abilities::EFFORTS,
        models: &[],
        efforts: &EFFORTS,
        settings_schema: SETTINGS_SCHEMA,
        install: INSTALL,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    visibility: Visibility,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Visibility {
    #[default]
    Private,
    Unlisted,
    Workspace,
    Group,
}

/// The part of stream-json that Amp speaks: it only prints, and asks nothing.
#[derive(Debug)]
struct Printed;

impl Dialect for Printed {
    const CONTROL: bool = false;
    const KEY_HINT: Option<&'static str> =
        Some("put a key of Amp's service into the secret that `api_key_secret` names: sandboxed-sh secret set NAME");
}

struct Amp;

impl Driver for Amp {
    type Session = StreamJson<Printed>;

    fn describe() -> About {
        agent().about()
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        let settings: Settings = serde_json::from_str(&start.settings)
            .map_err(|error| failure!(Config, "amp.settings_invalid", "the settings do not fit: {error}"))?;
        if start.mode == WorkMode::Plan {
            return Err(failure!(Config, "amp.cannot_plan", "Amp cannot be kept to planning")
                .with_hint("begin the mission in the mode act, or with a harness that can plan: claude-code, codex"));
        }
        let Some(programs) = start.programs else { return Err(Trouble::NotInstalled.failure("")) };
        let Config { api_key_secret, url } = config()?;
        let install = agent().install()?;
        let visibility = match settings.visibility {
            Visibility::Private => "private",
            Visibility::Unlisted => "unlisted",
            Visibility::Workspace => "workspace",
            Visibility::Group => "group",
        };
        let mut args: Vec<String> = Vec::new();
        if let Some(thread) = start.resume {
            // An id that begins with a dash would be an option.
            args.extend(["threads".to_owned(), "continue".to_owned(), thread.trim_start_matches('-').to_owned()]);
        }
        args.extend(
            ["-x", "--stream-json", "--stream-json-input", "--dangerously-allow-all", "--no-ide", "--no-notifications"]
                .map(str::to_owned),
        );
        args.push(format!("--visibility={visibility}"));
        args.extend(start.effort.map(|effort| format!("--mode={effort}")));
        let mut env = vec![
            ("AMP_API_KEY".to_owned(), Value::Secret(api_key_secret)),
            ("AMP_SKIP_UPDATE_CHECK".to_owned(), Value::Plain("1".to_owned())),
        ];
        env.extend(url.map(|url| ("AMP_URL".to_owned(), Value::Plain(url))));
        Ok(Launch {
            command: Command {
                program: format!("{programs}/{}", install.check.program),
                args,
                env,
                cwd: Some(start.tree),
                tty: None,
            },
            files: Vec::new(),
            stdout: Framing::Lines,
            stderr: Framing::Lines,
            start_within_ms: None,
            skills: None,
        })
    }

    fn plan_install(target: Target) -> Result<Option<InstallPlan>, Failure> {
        agent().plan_install(&target)
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;

    fn start(resume: Option<&str>) -> Start {
        testkit::set_config(r#"{"api_key_secret":"amp-key"}"#);
        let (effort, resume) = (Some("high".to_owned()), resume.map(str::to_owned));
        Start { effort, resume, ..testkit::start("secret plans") }
    }

    #[test]
    fn the_key_is_named_and_the_prompt_is_no_argument() {
        let launch = Amp::plan_launch(start(None)).expect("a launch");
        assert!(launch.command.env.contains(&("AMP_API_KEY".to_owned(), Value::Secret("amp-key".to_owned()))));
        assert!(launch.command.args.iter().all(|arg| !arg.contains("secret plans") && !arg.contains("amp-key")));
        assert!(launch.command.args.contains(&"--mode=high".to_owned()));
    }

    #[test]
    fn what_should_only_be_planned_is_not_begun() {
        let failure = Amp::plan_launch(Start { mode: WorkMode::Plan, ..start(None) }).expect_err("no plan mode");
        assert_eq!(failure.code, "amp.cannot_plan");
    }

    #[test]
    fn a_thread_is_continued_by_its_id_and_is_no_option() {
        let launch = Amp::plan_launch(start(Some("T-1"))).expect("a launch");
        assert_eq!(launch.command.args[..3], ["threads", "continue", "T-1"]);
        let launch = Amp::plan_launch(start(Some("--last"))).expect("a launch");
        assert_eq!(launch.command.args[2], "last");
    }

    #[test]
    fn without_the_name_of_a_secret_nothing_is_planned() {
        let start = start(None);
        testkit::set_config("{}");
        assert_eq!(Amp::plan_launch(start).expect_err("no key").code, "config.invalid");
    }

    #[test]
    fn it_is_installed_where_it_is_published() {
        testkit::set_config(r#"{"api_key_secret":"amp-key"}"#);
        let target = |arch: &str| Target { os: "linux".to_owned(), arch: arch.to_owned(), libc: "gnu".to_owned() };
        assert!(Amp::plan_install(target("x86_64")).is_ok());
        let failure = Amp::plan_install(target("aarch64")).expect_err("no such package in the registry");
        assert_eq!(failure.code, "install.unsupported_target");
    }

    #[test]
    fn it_is_a_harness_as_the_others_are() {
        agent().check(include_str!("../config.schema.json"));
    }

    #[test]
    fn transcripts_lead_to_their_events_however_output_is_cut() {
        testkit::set_config(r#"{"api_key_secret":"amp-key"}"#);
        testkit::golden::<Amp>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"));
    }
}
