//! Between the types of the contracts and those of `sandboxed-model`.

use sandboxed_model::{
    Blame, Failure, Timestamp,
    ask::{ApprovalMode, Choice, QuestionItem, WorkMode},
    backend::{
        Attachment, AttachmentContent, BackendAbout, BackendSpec, Contained, Joined, Launch, Leader, Observed,
        PathRules, Requirement, RootAccount, RootImage, RootPlan, RootSource, Spawned, WorkspacePhase,
    },
    command::{Command, Exit, Output, OutputStream, Tty, Value},
    event::{Edit, Notice, NoticeLevel, PlanEntry, Retry, ToolCall, ToolKind, ToolStatus, Usage},
    harness::{
        Action, ApprovalAsked, DriverEvent, Endpoint, Framing, HarnessAbout, Input, LaunchFile, LaunchPlace,
        LaunchPlan, Lifetime, ModelApi, QuestionAsked, Start, StepResult, TextPiece, TurnOutcome,
    },
    recipe::Mount,
};

use crate::bindings::{
    backend::exports::sandboxed::backend::lifecycle,
    harness::exports::sandboxed::harness::driver,
    host::{commands, failures},
};

/// Milliseconds since 1970; a time before counts as 1970.
pub(crate) fn millis(time: Timestamp) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(0)
}

impl From<failures::Failure> for Failure {
    fn from(failure: failures::Failure) -> Self {
        let blame = match failure.blame {
            failures::Blame::Plugin => Blame::Plugin,
            failures::Blame::Host => Blame::Host,
            failures::Blame::Config => Blame::Config,
            failures::Blame::Denied => Blame::Denied,
            failures::Blame::Unavailable => Blame::Unavailable,
            failures::Blame::Deadline => Blame::Deadline,
        };
        let mut converted = Self::new(blame, failure.code, failure.message);
        converted.hint = failure.hint;
        converted.retry_after_ms = failure.retry_after_ms;
        converted
    }
}

impl From<Failure> for failures::Failure {
    fn from(failure: Failure) -> Self {
        let blame = match failure.blame {
            Blame::Plugin => failures::Blame::Plugin,
            Blame::Host => failures::Blame::Host,
            Blame::Config => failures::Blame::Config,
            Blame::Denied => failures::Blame::Denied,
            Blame::Unavailable => failures::Blame::Unavailable,
            Blame::Deadline => failures::Blame::Deadline,
        };
        let Failure { code, message, hint, retry_after_ms, .. } = failure;
        Self { blame, code, message, hint, retry_after_ms }
    }
}

impl From<commands::Value> for Value {
    fn from(value: commands::Value) -> Self {
        match value {
            commands::Value::Plain(value) => Self::Plain(value),
            commands::Value::Secret(name) => Self::Secret(name),
        }
    }
}

impl From<commands::Command> for Command {
    fn from(command: commands::Command) -> Self {
        Self {
            program: command.program,
            args: command.args,
            env: command.env.into_iter().map(|(name, value)| (name, value.into())).collect(),
            cwd: command.cwd,
            tty: command.tty.map(|tty| Tty { rows: tty.rows, cols: tty.cols }),
        }
    }
}

impl From<Command> for commands::Command {
    fn from(command: Command) -> Self {
        let value = |value| match value {
            Value::Plain(value) => commands::Value::Plain(value),
            Value::Secret(name) => commands::Value::Secret(name),
        };
        Self {
            program: command.program,
            args: command.args,
            env: command.env.into_iter().map(|(name, given)| (name, value(given))).collect(),
            cwd: command.cwd,
            tty: command.tty.map(|tty| commands::Tty { rows: tty.rows, cols: tty.cols }),
        }
    }
}

impl From<Exit> for commands::Exit {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => Self::Code(code),
            Exit::Signal(signal) => Self::Signal(signal),
            Exit::Lost(why) => Self::Lost(why),
        }
    }
}

impl From<Output> for commands::Output {
    fn from(output: Output) -> Self {
        Self { exit: output.exit.into(), stdout: output.stdout, stderr: output.stderr, truncated: output.truncated }
    }
}

impl From<lifecycle::About> for BackendAbout {
    fn from(about: lifecycle::About) -> Self {
        Self {
            tty: about.abilities.contains(lifecycle::Abilities::TTY),
            isolates_files: about.abilities.contains(lifecycle::Abilities::ISOLATES_FILES),
            isolates_processes: about.abilities.contains(lifecycle::Abilities::ISOLATES_PROCESSES),
            isolates_network: about.abilities.contains(lifecycle::Abilities::ISOLATES_NETWORK),
            user_range: about.abilities.contains(lifecycle::Abilities::USER_RANGE),
            engine_limits: about.abilities.contains(lifecycle::Abilities::ENGINE_LIMITS),
            isolation: about.isolation,
        }
    }
}

impl From<lifecycle::Requirement> for Requirement {
    fn from(requirement: lifecycle::Requirement) -> Self {
        Self { name: requirement.name, optional: requirement.optional, missing: requirement.missing.map(Into::into) }
    }
}

impl From<&Mount> for lifecycle::Mount {
    fn from(mount: &Mount) -> Self {
        Self { source: mount.source.clone(), target: mount.target.clone(), writable: mount.writable }
    }
}

impl From<&BackendSpec> for lifecycle::Spec {
    fn from(spec: &BackendSpec) -> Self {
        Self {
            id: spec.id.to_string(),
            tree: spec.tree.clone(),
            inbox: spec.inbox.clone(),
            home: spec.home.clone(),
            etc: spec.etc.clone(),
            user: spec.user,
            root: spec.root.clone(),
            root_env: spec.root_env.clone(),
            shared_network: spec.shared_network,
            mounts: spec.mounts.iter().map(Into::into).collect(),
            options: spec.options.clone(),
        }
    }
}

impl From<lifecycle::Observed> for Observed {
    fn from(observed: lifecycle::Observed) -> Self {
        let phase = match observed.phase {
            lifecycle::Phase::Absent => WorkspacePhase::Absent,
            lifecycle::Phase::Ready => WorkspacePhase::Ready,
            lifecycle::Phase::Stopped => WorkspacePhase::Stopped,
            lifecycle::Phase::Broken => WorkspacePhase::Broken,
        };
        let lifecycle::Observed { tree, inbox, home, detail, state, .. } = observed;
        Self { phase, tree, inbox, home, detail, state }
    }
}

impl From<&Observed> for lifecycle::Observed {
    fn from(observed: &Observed) -> Self {
        let phase = match observed.phase {
            WorkspacePhase::Absent => lifecycle::Phase::Absent,
            WorkspacePhase::Ready => lifecycle::Phase::Ready,
            // What a build says of a workspace, no backend has observed.
            WorkspacePhase::Stopped | WorkspacePhase::Building | WorkspacePhase::Failed => lifecycle::Phase::Stopped,
            WorkspacePhase::Broken => lifecycle::Phase::Broken,
        };
        let Observed { tree, inbox, home, detail, state, .. } = observed.clone();
        Self { phase, tree, inbox, home, detail, state }
    }
}

impl From<lifecycle::Launch> for Launch {
    fn from(launch: lifecycle::Launch) -> Self {
        match launch {
            lifecycle::Launch::Spawn(spawned) => Self::Spawn(spawned.into()),
            lifecycle::Launch::Join(joined) => Self::Join(Joined { command: joined.command.into(), user: joined.user }),
            lifecycle::Launch::Contain(contained) => {
                Self::Contain(Contained { engine: contained.engine, command: contained.command.into() })
            }
        }
    }
}

impl From<lifecycle::Leader> for Leader {
    fn from(leader: lifecycle::Leader) -> Self {
        match leader {
            lifecycle::Leader::Server => Self::Server,
            lifecycle::Leader::Program(command) => Self::Program(command.into()),
            lifecycle::Leader::Container(engine) => Self::Container(engine),
        }
    }
}

impl From<lifecycle::RootPlan> for RootPlan {
    fn from(plan: lifecycle::RootPlan) -> Self {
        Self { key: plan.key, title: plan.title }
    }
}

impl From<lifecycle::RootSource> for RootSource {
    fn from(source: lifecycle::RootSource) -> Self {
        match source {
            lifecycle::RootSource::Program(command) => Self::Program(command.into()),
            lifecycle::RootSource::Image(image) => Self::Image(RootImage {
                path: image.path,
                name: image.name,
                directories: image.directories,
                account: image.account.map(|account| RootAccount {
                    name: account.name,
                    id: account.id,
                    home: account.home,
                }),
            }),
        }
    }
}

impl From<lifecycle::Spawned> for Spawned {
    fn from(spawned: lifecycle::Spawned) -> Self {
        let attachments = spawned.attachments.into_iter().map(|attachment| Attachment {
            argument: attachment.argument,
            content: match attachment.content {
                lifecycle::AttachmentContent::Filter => AttachmentContent::Filter,
                lifecycle::AttachmentContent::Bytes(bytes) => AttachmentContent::Bytes(bytes),
                lifecycle::AttachmentContent::Arguments(arguments) => {
                    AttachmentContent::Arguments(arguments.into_iter().map(Into::into).collect())
                }
            },
        });
        Self {
            command: spawned.command.into(),
            filtered: spawned.filtered,
            rules: spawned.rules.map(|rules| PathRules { read: rules.read, write: rules.write }),
            attachments: attachments.collect(),
            wrapper: spawned.wrapper,
        }
    }
}

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
            efforts: match about.abilities.contains(driver::Abilities::EFFORTS) {
                true => about.efforts,
                false => Vec::new(),
            },
            lifetime: match about.lifetime {
                driver::Lifetime::Turn => Lifetime::Turn,
                driver::Lifetime::Session => Lifetime::Session,
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
            Input::Prompt(text) => Self::Prompt(text),
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
