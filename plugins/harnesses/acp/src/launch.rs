//! How an agent's process is started, and what its session has to know of that.

use sandboxed_protocol::trouble::Trouble;
use sandboxed_sdk::{
    Failure, failure,
    harness::{ApprovalMode, Command, Framing, Launch, LaunchFile, LaunchPlace, Start, Value, WorkMode},
};
use serde::{Deserialize, Serialize};

use crate::{
    fill::Placeholders,
    table::{Arg, EnvValue, HomeFile, ResumeBy, Table},
};

/// Prints the facts, which the session reads first of all, and becomes the agent.
const STARTER: &str = r#"cat "$0" && exec "$@""#;

/// Bytes of a prompt, written as JSON, up to which it is sent as it is: until the agent takes it, it is part of what a
/// session has to remember. A longer one lies in a file that the agent is told to read.
const SENT_PROMPT: usize = 20 << 10;

/// What a session must know of the launch. A session is not told how its process was planned: it reads this as the
/// first line that the process prints, from the same record as all else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facts {
    /// The working directory.
    pub(crate) tree: String,
    /// The session that goes on.
    pub(crate) resume: Option<String>,
    /// Nobody is asked.
    pub(crate) bypass: bool,
    /// Nothing may be changed.
    pub(crate) plan: bool,
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
    /// Where the prompt lies, where it is long.
    pub(crate) prompt_file: Option<String>,
}

/// The line by which facts are known.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FactsLine {
    pub(crate) launch: Facts,
}

/// Whether a prompt is sent as it is.
pub(crate) fn is_sent(prompt: &str) -> bool {
    prompt.len() <= SENT_PROMPT && serde_json::Value::from(prompt).to_string().len() <= SENT_PROMPT
}

impl Table {
    /// The mode that the agent is to be in, where it has modes.
    pub(crate) fn mode(&self, bypass: bool, plan: bool) -> Option<&str> {
        let mode = match (plan, bypass) {
            (true, _) => &self.modes.plan,
            (false, true) => &self.modes.bypass,
            (false, false) => &self.modes.ask,
        };
        mode.as_deref()
    }

    /// How the process is started.
    ///
    /// # Errors
    /// `agent.not_installed`, `acp.no_planning`, `acp.value_unfit`.
    pub(crate) fn launch(&self, start: &Start) -> Result<Launch, Failure> {
        let (bypass, plan) = (start.approvals == ApprovalMode::Bypass, start.mode == WorkMode::Plan);
        if plan && self.modes.plan.is_none() {
            return Err(failure!(Config, "acp.no_planning", "this agent cannot be kept to planning")
                .with_hint("start the mission in the mode \"act\", or name the agent's mode with `modes.plan`"));
        }
        let model = start.model.as_deref().or(self.models.first().map(String::as_str));
        let placeholders = Placeholders::of(start, model, self.mode(bypass, plan));
        let prompt_path = (!is_sent(&start.prompt)).then(|| format!("prompt-{}.md", start.turn));
        let facts = Facts {
            tree: start.tree.clone(),
            resume: start.resume.clone().filter(|_| self.resume.by != ResumeBy::None),
            bypass,
            plan,
            model: model.map(str::to_owned),
            effort: start.effort.clone(),
            prompt_file: prompt_path.as_ref().map(|path| format!("{}/{path}", start.inbox)),
        };
        let facts_path = format!("launch-{}.json", start.turn);
        let mut args = vec!["-c".to_owned(), STARTER.to_owned(), format!("{}/{facts_path}", start.inbox)];
        args.extend(self.argv(start, &placeholders)?);
        let mut facts_line = serde_json::to_vec(&FactsLine { launch: facts }).unwrap_or_default();
        facts_line.push(b'\n');
        let mut files = vec![file(LaunchPlace::Inbox, facts_path, facts_line)];
        files.extend(prompt_path.map(|path| file(LaunchPlace::Inbox, path, start.prompt.clone().into_bytes())));
        for (path, content) in &self.home_files {
            files.push(file(LaunchPlace::Home, path.clone(), home_file(content, &placeholders)?));
        }
        Ok(Launch {
            command: Command {
                program: "sh".to_owned(),
                args,
                env: self.env(&placeholders),
                cwd: Some(start.tree.clone()),
                tty: None,
            },
            files,
            stdout: Framing::Lines,
            stderr: Framing::Lines,
            start_within_ms: None,
            skills: None,
        })
    }

    /// The agent's own command line.
    fn argv(&self, start: &Start, placeholders: &Placeholders) -> Result<Vec<String>, Failure> {
        let programs = || start.programs.as_deref().ok_or_else(|| Trouble::NotInstalled.failure(""));
        let mut argv = Vec::new();
        if self.command.node {
            argv.push(format!("{}/node/bin/node", programs()?));
        }
        argv.push(match self.install.is_some() && !self.command.program.starts_with('/') {
            true => format!("{}/{}", programs()?, self.command.program),
            false => self.command.program.clone(),
        });
        for arg in &self.command.args {
            let group = match arg {
                Arg::One(arg) => std::slice::from_ref(arg),
                Arg::Group(group) => group,
            };
            argv.extend(group.iter().map(|arg| placeholders.fill(arg)).collect::<Option<Vec<_>>>().unwrap_or_default());
        }
        Ok(argv)
    }

    fn env(&self, placeholders: &Placeholders) -> Vec<(String, Value)> {
        let value = |value: &EnvValue| match value {
            EnvValue::Plain(text) => placeholders.fill(text).map(Value::Plain),
            EnvValue::Secret(name) => Some(Value::Secret(name.secret.clone())),
        };
        self.env.iter().filter_map(|(name, text)| Some((name.clone(), value(text)?))).collect()
    }
}

fn home_file(content: &HomeFile, placeholders: &Placeholders) -> Result<Vec<u8>, Failure> {
    Ok(match content {
        HomeFile::Text(text) => placeholders.fill_lines(text)?,
        HomeFile::Json(object) => serde_json::Value::Object(placeholders.fill_object(object)).to_string(),
    }
    .into_bytes())
}

fn file(place: LaunchPlace, path: String, bytes: Vec<u8>) -> LaunchFile {
    LaunchFile { place, path, bytes, executable: false }
}
