//! Between the types of `sandboxed:harness/driver` and those of `sandboxed-model`.

use sandboxed_model::{
    ask::{ApprovalMode, Choice, QuestionItem, WorkMode},
    command::OutputStream,
    event::{Edit, Notice, NoticeLevel, PlanEntry, Retry, ToolCall, ToolKind, ToolStatus, Usage},
    harness::{
        Action, ApprovalAsked, DriverEvent, Endpoint, Framing, HarnessAbout, Input, LaunchFile, LaunchPlace,
        LaunchPlan, McpTransport, ModelApi, QuestionAsked, Start, StartAttachment, StartMcpServer, StepResult,
        TextPiece, TurnOutcome,
    },
};

use crate::bindings::harness::exports::sandboxed::harness::driver;

impl From<driver::About> for HarnessAbout {
    fn from(about: driver::About) -> Self {
        Self {
            summary: about.summary,
            resume: about.abilities.contains(driver::Abilities::RESUME),
            interrupt: about.abilities.contains(driver::Abilities::INTERRUPT),
            steer: about.abilities.contains(driver::Abilities::STEER),
            usage: about.abilities.contains(driver::Abilities::USAGE),
            chooses_model: about.abilities.contains(driver::Abilities::MODELS),
            approvals: about.abilities.contains(driver::Abilities::APPROVALS),
            planning: about.abilities.contains(driver::Abilities::PLANNING),
            images: about.abilities.contains(driver::Abilities::IMAGES),
            efforts: match about.abilities.contains(driver::Abilities::EFFORTS) {
                true => about.efforts,
                false => Vec::new(),
            },
            models: about.models,
            settings_schema: about.settings_schema,
        }
    }
}

impl From<&Start> for driver::Start {
    fn from(start: &Start) -> Self {
        Self {
            mission: start.mission.to_string(),
            turn: start.turn,
            tree: start.tree.clone(),
            inbox: start.inbox.clone(),
            home: start.home.clone(),
            programs: start.programs.clone(),
            prompt: start.prompt.clone(),
            attachments: start.attachments.iter().map(Into::into).collect(),
            instructions: start.instructions.clone(),
            mcp_servers: start.mcp_servers.iter().map(Into::into).collect(),
            model: start.model.clone(),
            effort: start.effort.clone(),
            approvals: match start.approvals {
                ApprovalMode::Bypass => driver::ApprovalMode::Bypass,
                ApprovalMode::Ask => driver::ApprovalMode::Ask,
            },
            mode: match start.mode {
                WorkMode::Act => driver::WorkMode::Act,
                WorkMode::Plan => driver::WorkMode::Plan,
            },
            endpoints: start.endpoints.iter().map(Into::into).collect(),
            resume: start.resume.clone(),
            settings: start.settings.clone(),
        }
    }
}

impl From<&StartAttachment> for driver::Attachment {
    fn from(attachment: &StartAttachment) -> Self {
        Self {
            name: attachment.name.clone(),
            media_type: attachment.media_type.clone(),
            path: attachment.path.clone(),
            size: attachment.size,
        }
    }
}

impl From<&StartMcpServer> for driver::McpServer {
    fn from(server: &StartMcpServer) -> Self {
        let transport = match server.transport.clone() {
            McpTransport::Program { program, args, env } => {
                driver::McpTransport::Program(driver::McpProgram { program, args, env })
            }
            McpTransport::Http { url, token_variable } => {
                driver::McpTransport::Http(driver::McpAddress { url, token_variable })
            }
        };
        Self { name: server.name.clone(), transport }
    }
}

impl From<&Endpoint> for driver::Endpoint {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            api: match endpoint.api {
                ModelApi::Anthropic => driver::ModelApi::Anthropic,
                ModelApi::Openai => driver::ModelApi::Openai,
                ModelApi::Google => driver::ModelApi::Google,
            },
            base_url: endpoint.base_url.clone(),
            key_variable: endpoint.key_variable.clone(),
        }
    }
}

impl From<driver::LaunchFile> for LaunchFile {
    fn from(file: driver::LaunchFile) -> Self {
        let place = match file.place {
            driver::LaunchPlace::Inbox => LaunchPlace::Inbox,
            driver::LaunchPlace::Home => LaunchPlace::Home,
        };
        Self { place, path: file.path, bytes: file.bytes, executable: file.executable }
    }
}

impl From<driver::Launch> for LaunchPlan {
    fn from(launch: driver::Launch) -> Self {
        let framing = |framing| match framing {
            driver::Framing::Lines => Framing::Lines,
            driver::Framing::Raw => Framing::Raw,
        };
        Self {
            command: launch.command.into(),
            files: launch.files.into_iter().map(Into::into).collect(),
            stdout: framing(launch.stdout),
            stderr: framing(launch.stderr),
            start_within_ms: launch.start_within_ms,
            skills: launch.skills,
        }
    }
}

const fn stream(stream: OutputStream) -> driver::Stream {
    match stream {
        OutputStream::Stdout => driver::Stream::Stdout,
        OutputStream::Stderr => driver::Stream::Stderr,
    }
}

impl From<Input> for driver::Input {
    fn from(input: Input) -> Self {
        match input {
            Input::Prompt => Self::Prompt,
            Input::Steer { id, text } => Self::Steer(driver::Steering { id, text }),
            Input::Decision { id, approved, reason } => Self::Decision(driver::Decision { id, approved, reason }),
            Input::Answer { id, answers } => Self::Answer(driver::Answer { id, answers }),
            Input::Frames(frames) => Self::Frames(
                frames
                    .into_iter()
                    .map(|frame| driver::Frame {
                        stream: stream(frame.stream),
                        offset: frame.offset,
                        bytes: frame.bytes,
                        partial: frame.partial,
                    })
                    .collect(),
            ),
            Input::Gap(gap) => {
                Self::Gap(driver::Gap { stream: stream(gap.stream), offset: gap.offset, length: gap.length })
            }
            Input::Interrupt => Self::Interrupt,
            Input::Timer(id) => Self::Timer(id),
            Input::Exited(exit) => Self::Exited(exit.into()),
        }
    }
}

impl From<driver::StepResult> for StepResult {
    fn from(result: driver::StepResult) -> Self {
        Self {
            events: result.events.into_iter().map(Into::into).collect(),
            actions: result.actions.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<driver::Action> for Action {
    fn from(action: driver::Action) -> Self {
        match action {
            driver::Action::Write(bytes) => Self::Write(bytes),
            driver::Action::WriteAttachment(index) => Self::WriteAttachment(index),
            driver::Action::CloseInput => Self::CloseInput,
            driver::Action::Signal(signal) => Self::Signal(signal),
            driver::Action::Wake(wake) => Self::Wake { id: wake.id, after_ms: wake.after_ms },
        }
    }
}

const fn status(status: driver::ToolStatus) -> ToolStatus {
    match status {
        driver::ToolStatus::Pending => ToolStatus::Pending,
        driver::ToolStatus::Running => ToolStatus::Running,
        driver::ToolStatus::Completed => ToolStatus::Completed,
        driver::ToolStatus::Failed => ToolStatus::Failed,
    }
}

fn text_piece(text: driver::Text) -> TextPiece {
    TextPiece { id: text.id, system: text.role == driver::MessageRole::System, parent: text.parent, text: text.text }
}

/// A text is the one JSON value that can hold whatever an agent called its tool with.
fn json(text: String) -> serde_json::Value {
    serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))
}

const fn tool_kind(kind: driver::ToolKind) -> ToolKind {
    match kind {
        driver::ToolKind::Execute => ToolKind::Execute,
        driver::ToolKind::Read => ToolKind::Read,
        driver::ToolKind::Edit => ToolKind::Edit,
        driver::ToolKind::Delete => ToolKind::Delete,
        driver::ToolKind::Search => ToolKind::Search,
        driver::ToolKind::Fetch => ToolKind::Fetch,
        driver::ToolKind::Think => ToolKind::Think,
        driver::ToolKind::Other => ToolKind::Other,
    }
}

fn question_item(item: driver::QuestionItem) -> QuestionItem {
    let choice = |choice: driver::Choice| Choice { label: choice.label, description: choice.description };
    QuestionItem {
        text: item.text,
        choices: item.choices.into_iter().map(choice).collect(),
        multiple: item.multiple,
        free_text: item.free_text,
    }
}

fn tool_call(call: driver::ToolCall) -> ToolCall {
    ToolCall {
        id: call.id,
        parent: call.parent,
        title: call.title,
        kind: tool_kind(call.kind),
        status: status(call.status),
        input: json(call.input),
        exit_code: call.exit_code,
        edits: call.edits.into_iter().map(|edit| Edit { path: edit.path, diff: edit.diff }).collect(),
    }
}

impl From<driver::Event> for DriverEvent {
    fn from(event: driver::Event) -> Self {
        match event {
            driver::Event::Session(id) => Self::Session(id),
            driver::Event::SessionLost => Self::SessionLost,
            driver::Event::Approval(approval) => Self::Approval(ApprovalAsked {
                id: approval.id,
                tool_call: approval.tool_call,
                title: approval.title,
                kind: tool_kind(approval.kind),
                tool: approval.tool,
                subject: approval.subject,
                input: json(approval.input),
                reason: approval.reason,
            }),
            driver::Event::Question(question) => Self::Question(QuestionAsked {
                id: question.id,
                tool_call: question.tool_call,
                items: question.items.into_iter().map(question_item).collect(),
            }),
            driver::Event::Withdrawn(id) => Self::Withdrawn(id),
            driver::Event::Steered(id) => Self::Steered(id),
            driver::Event::Message(text) => Self::Message(text_piece(text)),
            driver::Event::Thought(text) => Self::Thought(text_piece(text)),
            driver::Event::ToolCall(call) => Self::ToolCall(tool_call(call)),
            driver::Event::ToolOutput(output) => Self::ToolOutput {
                id: output.id,
                stream: match output.stream {
                    driver::Stream::Stdout => OutputStream::Stdout,
                    driver::Stream::Stderr => OutputStream::Stderr,
                },
                text: output.text,
            },
            driver::Event::Plan(entries) => Self::Plan(
                entries.into_iter().map(|entry| PlanEntry { text: entry.text, status: status(entry.status) }).collect(),
            ),
            driver::Event::Usage(usage) => Self::Usage(Usage {
                model: usage.model,
                input: usage.input,
                output: usage.output,
                cache_read: usage.cache_read,
                cache_write: usage.cache_write,
                reasoning: usage.reasoning,
                cost_micro_usd: usage.cost_micro_usd,
                ..Usage::default()
            }),
            driver::Event::Notice(notice) => Self::Notice(Notice {
                level: match notice.level {
                    driver::NoticeLevel::Info => NoticeLevel::Info,
                    driver::NoticeLevel::Warning => NoticeLevel::Warning,
                    driver::NoticeLevel::Error => NoticeLevel::Error,
                },
                code: notice.code,
                text: notice.text,
            }),
            driver::Event::Retry(retry) => {
                Self::Retry(Retry { attempt: retry.attempt, delay_ms: retry.delay_ms, reason: retry.reason })
            }
            driver::Event::Problem(failure) => Self::Problem(failure.into()),
            driver::Event::TurnEnd(end) => Self::TurnEnd {
                outcome: match end.outcome {
                    driver::Outcome::Completed => TurnOutcome::Completed,
                    driver::Outcome::Failed => TurnOutcome::Failed,
                    driver::Outcome::Interrupted => TurnOutcome::Interrupted,
                },
                reason: end.reason,
            },
            driver::Event::Other((name, json)) => Self::Other { name, json },
        }
    }
}
