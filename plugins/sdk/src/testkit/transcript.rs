//! What happened to a session, as a file.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;

use crate::harness::{
    Answer, ApprovalMode, Attachment, Decision, Exit, Gap, Input, McpAddress, McpProgram, McpServer, McpTransport,
    Steering, Stream, WorkMode,
};

/// One line of a transcript.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Start(Start),
    Prompt(String),
    Stdout(String),
    StdoutBase64(String),
    StdoutFile(String),
    Stderr(String),
    StderrBase64(String),
    StderrFile(String),
    Gap(GapLine),
    Steer(SteerLine),
    Decision(DecisionLine),
    Answer(AnswerLine),
    Interrupt,
    Timer(u32),
    Exited(ExitLine),
}

/// What the turns of a transcript begin with.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Start {
    pub(super) settings: serde_json::Map<String, serde_json::Value>,
    pub(super) model: Option<String>,
    pub(super) effort: Option<String>,
    pub(super) instructions: Option<String>,
    attachments: Vec<AttachmentLine>,
    mcp_servers: Vec<McpServerLine>,
    approvals: Approvals,
    mode: Mode,
}

/// A file that was sent along; the host leaves it in the inbox under its name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachmentLine {
    name: String,
    media_type: String,
}

#[derive(Debug, Deserialize)]
struct McpServerLine {
    name: String,
    #[serde(flatten)]
    transport: TransportLine,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TransportLine {
    Http {
        url: String,
        token_variable: Option<String>,
    },
    Program {
        program: String,
        #[serde(default)]
        args: Vec<String>,
        #[serde(default)]
        env: BTreeMap<String, String>,
    },
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Approvals {
    #[default]
    Bypass,
    Ask,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Act,
    Plan,
}

impl Start {
    pub(super) fn attachments(&self) -> Vec<Attachment> {
        let attachment = |line: &AttachmentLine| Attachment {
            name: line.name.clone(),
            media_type: line.media_type.clone(),
            path: format!("/inbox/attachments/{}", line.name),
            size: 3,
        };
        self.attachments.iter().map(attachment).collect()
    }

    pub(super) fn mcp_servers(&self) -> Vec<McpServer> {
        let server = |line: &McpServerLine| McpServer {
            name: line.name.clone(),
            transport: match &line.transport {
                TransportLine::Http { url, token_variable } => {
                    McpTransport::Http(McpAddress { url: url.clone(), token_variable: token_variable.clone() })
                }
                TransportLine::Program { program, args, env } => McpTransport::Program(McpProgram {
                    program: program.clone(),
                    args: args.clone(),
                    env: env.clone().into_iter().collect(),
                }),
            },
        };
        self.mcp_servers.iter().map(server).collect()
    }

    pub(super) fn approvals(&self) -> ApprovalMode {
        match self.approvals {
            Approvals::Bypass => ApprovalMode::Bypass,
            Approvals::Ask => ApprovalMode::Ask,
        }
    }

    pub(super) fn mode(&self) -> WorkMode {
        match self.mode {
            Mode::Act => WorkMode::Act,
            Mode::Plan => WorkMode::Plan,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SteerLine {
    id: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionLine {
    id: String,
    approved: bool,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerLine {
    id: String,
    answers: Option<Vec<Vec<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GapLine {
    stream: StreamName,
    length: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StreamName {
    Stdout,
    Stderr,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ExitLine {
    Code(i32),
    Signal(i32),
    Lost(String),
}

/// What happens next.
#[derive(Debug)]
pub(super) enum Moment {
    Prompt(String),
    Output(Stream, Vec<u8>),
    /// Its offset is told when it is reached.
    Gap(Stream, u64),
    Input(Input),
}

/// A transcript, read.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    pub(super) start: Start,
    pub(super) moments: Vec<Moment>,
}

impl Transcript {
    /// Reads a transcript; the error names the line.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let mut transcript = Self::default();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            transcript.add(directory, line).map_err(|error| format!("{}:{}: {error}", path.display(), number + 1))?;
        }
        Ok(transcript)
    }

    /// Bytes of output.
    pub(super) fn output_length(&self) -> usize {
        let length = |moment: &Moment| if let Moment::Output(_, bytes) = moment { bytes.len() } else { 0 };
        self.moments.iter().map(length).sum()
    }

    fn add(&mut self, directory: &Path, line: &str) -> Result<(), String> {
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let decoded = |text: &str| BASE64_STANDARD.decode(text).map_err(|error| error.to_string());
        let file = |name: &str| fs::read(directory.join(name)).map_err(|error| format!("{name}: {error}"));
        self.moments.push(match line {
            Line::Start(start) => {
                if !self.moments.is_empty() {
                    return Err("`start` comes first".to_owned());
                }
                self.start = start;
                return Ok(());
            }
            Line::Prompt(text) => Moment::Prompt(text),
            Line::Stdout(text) => Moment::Output(Stream::Stdout, text.into_bytes()),
            Line::StdoutBase64(text) => Moment::Output(Stream::Stdout, decoded(&text)?),
            Line::StdoutFile(name) => Moment::Output(Stream::Stdout, file(&name)?),
            Line::Stderr(text) => Moment::Output(Stream::Stderr, text.into_bytes()),
            Line::StderrBase64(text) => Moment::Output(Stream::Stderr, decoded(&text)?),
            Line::StderrFile(name) => Moment::Output(Stream::Stderr, file(&name)?),
            Line::Gap(GapLine { stream: StreamName::Stdout, length }) => Moment::Gap(Stream::Stdout, length),
            Line::Gap(GapLine { stream: StreamName::Stderr, length }) => Moment::Gap(Stream::Stderr, length),
            Line::Steer(SteerLine { id, text }) => Moment::Input(Input::Steer(Steering { id, text })),
            Line::Decision(DecisionLine { id, approved, reason }) => {
                Moment::Input(Input::Decision(Decision { id, approved, reason }))
            }
            Line::Answer(AnswerLine { id, answers }) => Moment::Input(Input::Answer(Answer { id, answers })),
            Line::Interrupt => Moment::Input(Input::Interrupt),
            Line::Timer(id) => Moment::Input(Input::Timer(id)),
            Line::Exited(exit) => Moment::Input(Input::Exited(match exit {
                ExitLine::Code(code) => Exit::Code(code),
                ExitLine::Signal(signal) => Exit::Signal(signal),
                ExitLine::Lost(why) => Exit::Lost(why),
            })),
        });
        Ok(())
    }
}

/// A hole as a session is told of it.
pub(super) fn gap(stream: Stream, offset: u64, length: u64) -> Input {
    Input::Gap(Gap { stream, offset, length })
}
