//! The shell harness: each message of a mission is a script, run in the workspace, and a turn of its own.
//!
//! It is the embedded default, and a real tool: scheduled jobs, checks, set-up.

mod session;

use sandboxed_sdk::{Driver, export_harness, failure, harness::*, manifest};
use serde::Deserialize;

use session::ScriptSession;

manifest!("../plugin.toml");
export_harness!(Shell);

/// What `start.settings` may hold.
const SETTINGS_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "shell": {
      "description": "The program that runs the script.",
      "enum": ["bash", "sh"],
      "default": "bash"
    },
    "errexit": {
      "description": "End the script at the first command that fails.",
      "type": "boolean",
      "default": false
    }
  }
}"#;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    shell: Interpreter,
    errexit: bool,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Interpreter {
    #[default]
    Bash,
    Sh,
}

struct Shell;

impl Driver for Shell {
    type Session = ScriptSession;

    fn describe() -> About {
        About {
            summary: "Runs each message as a shell script in the workspace; needs no key and no network.".to_owned(),
            abilities: Abilities::INTERRUPT,
            models: Vec::new(),
            efforts: Vec::new(),
            settings_schema: SETTINGS_SCHEMA.to_owned(),
        }
    }

    fn plan_launch(start: Start) -> Result<Launch, Failure> {
        let settings: Settings = serde_json::from_str(&start.settings)
            .map_err(|error| failure!(Config, "shell.settings_invalid", "the settings do not fit: {error}"))?;
        let program = match settings.shell {
            Interpreter::Bash => "bash",
            Interpreter::Sh => "sh",
        };
        // A file and no argument: a script may be longer than an argument can be, and others can read arguments.
        let script = format!("turn-{}.sh", start.turn);
        let mut args = if settings.errexit { vec!["-e".to_owned()] } else { Vec::new() };
        args.push(format!("{}/{script}", start.inbox));
        Ok(Launch {
            command: Command { program: program.to_owned(), args, env: Vec::new(), cwd: Some(start.tree), tty: None },
            files: vec![LaunchFile {
                place: LaunchPlace::Inbox,
                path: script,
                bytes: start.prompt.into_bytes(),
                executable: false,
            }],
            stdout: Framing::Raw,
            stderr: Framing::Raw,
            start_within_ms: None,
            skills: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use sandboxed_sdk::testkit;

    use super::*;

    fn start(settings: &str) -> Start {
        Start { turn: 3, settings: settings.to_owned(), ..testkit::start("echo '$HOME'\necho two") }
    }

    #[test]
    fn the_message_becomes_a_script_file_and_never_an_argument() {
        let launch = Shell::plan_launch(start("{}")).expect("a plain message");
        assert_eq!(launch.command.program, "bash");
        assert_eq!(launch.command.args, ["/inbox/turn-3.sh"]);
        assert_eq!(launch.command.cwd.as_deref(), Some("/workspace"));
        assert_eq!(launch.files[0].bytes, b"echo '$HOME'\necho two");
    }

    #[test]
    fn settings_choose_the_shell_and_whether_it_ends_at_an_error() {
        let launch = Shell::plan_launch(start(r#"{"shell":"sh","errexit":true}"#)).expect("valid settings");
        assert_eq!(launch.command.program, "sh");
        assert_eq!(launch.command.args[0], "-e");
    }

    #[test]
    fn unknown_settings_are_refused() {
        let failure = Shell::plan_launch(start(r#"{"shel":"sh"}"#)).expect_err("a misspelt key");
        assert_eq!(failure.code, "shell.settings_invalid");
    }

    #[test]
    fn transcripts_lead_to_their_events_however_output_is_cut() {
        sandboxed_sdk::testkit::golden::<Shell>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"));
    }
}
