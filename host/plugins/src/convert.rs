//! Between the types of the contracts that all plugins share, and those of backends, and those of `sandboxed-model`.

use sandboxed_model::{
    Blame, Failure, Timestamp,
    backend::{
        Attachment, AttachmentContent, BackendAbout, BackendSpec, Contained, Joined, Launch, Leader, Observed,
        PathRules, Requirement, RootAccount, RootImage, RootPlan, RootSource, Spawned, WorkspacePhase,
    },
    command::{Command, Exit, Output, Tty, Value},
    recipe::Mount,
};

use crate::bindings::{
    backend::exports::sandboxed::backend::lifecycle,
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
