//! Writing a harness: see `wit/harness/harness.wit`.

use serde::{Serialize, de::DeserializeOwned};

use crate::failure;

#[doc(hidden)]
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["wit/types", "wit/host", "wit/harness"],
        world: "sandboxed:harness/harness",
        with: {
            "sandboxed:types/failures@0.1.0": crate::contracts::sandboxed::types::failures,
            "sandboxed:types/commands@0.1.0": crate::contracts::sandboxed::types::commands,
            "sandboxed:host/log@0.1.0": crate::contracts::sandboxed::host::log,
            "sandboxed:host/config@0.1.0": crate::contracts::sandboxed::host::config,
        },
        pub_export_macro: true,
        export_macro_name: "export",
        additional_derives: [Clone, PartialEq],
    });
}

pub use bindings::exports::sandboxed::harness::driver::{
    Abilities, About, Action, Answer, Approval, ApprovalMode, Attachment, Choice, Decision, Edit, Endpoint, Event,
    Frame, Framing, Gap, Input, Launch, LaunchFile, LaunchPlace, McpAddress, McpProgram, McpServer, McpTransport,
    MessageRole, ModelApi, Notice, NoticeLevel, Outcome, PlanEntry, Question, QuestionItem, Retry, Start, Steering,
    StepResult, Stream, Text, ToolCall, ToolKind, ToolOutput, ToolStatus, TurnEnd, Usage, Wake, WorkMode,
};
pub use bindings::exports::sandboxed::harness::installer::{
    Check, Download, Expansion, Form, InstallPlan, NpmPackage, Source, Step as InstallStep, Target,
};

pub use crate::contracts::sandboxed::types::{
    commands::{Command, Exit, Tty, Value},
    failures::{Blame, Failure},
};

/// The interfaces that a harness may be granted: it is pure.
pub mod host {
    pub use crate::contracts::sandboxed::host::{config, log};
}

/// A harness.
pub trait Driver {
    /// One mission's conversation.
    type Session: Session;

    /// What this harness is.
    fn describe() -> About;
    /// How the process is started for a turn.
    fn plan_launch(start: Start) -> Result<Launch, Failure>;
    /// How the agent's program is installed; nothing where it needs none of its own.
    fn plan_install(_target: Target) -> Result<Option<InstallPlan>, Failure> {
        Ok(None)
    }
}

/// One mission's conversation: a state machine without clock, random source or I/O.
pub trait Session: Sized + 'static {
    /// The conversation in the turn of this start: a new one, or the one that [`Session::save`] saved.
    fn open(start: Start, saved: Option<Vec<u8>>) -> Result<Self, Failure>;
    /// Takes one input and says what follows.
    fn step(&mut self, now_ms: u64, input: Input) -> Result<StepResult, Failure>;
    /// All that must be remembered, at most 64 KiB.
    fn save(&self) -> Vec<u8>;
}

/// The session that [`remember`] saved, or a new one.
///
/// # Errors
/// `session.state_invalid` when what was saved is not of this type.
pub fn restore<S: DeserializeOwned + Default>(saved: Option<Vec<u8>>) -> Result<S, Failure> {
    saved.map_or_else(
        || Ok(S::default()),
        |saved| {
            serde_json::from_slice(&saved)
                .map_err(|error| failure!(Plugin, "session.state_invalid", "the saved session is not one: {error}"))
        },
    )
}

/// A session as bytes, for [`Session::save`].
///
/// # Panics
/// When the session holds what JSON cannot, such as a map with keys that are no texts.
pub fn remember<S: Serialize>(session: &S) -> Vec<u8> {
    serde_json::to_vec(session).expect("a session is made of numbers, texts, lists and maps with text keys")
}

impl StepResult {
    /// Nothing follows.
    pub fn nothing() -> Self {
        Self { events: Vec::new(), actions: Vec::new() }
    }

    /// These events follow.
    pub fn events(events: Vec<Event>) -> Self {
        Self { events, actions: Vec::new() }
    }
}

/// Exports a type that implements [`Driver`](crate::Driver) as the plugin.
#[macro_export]
macro_rules! export_harness {
    ($driver:ty) => {
        #[doc(hidden)]
        pub struct SandboxedPlugin;

        #[doc(hidden)]
        pub struct SandboxedSession(::std::cell::RefCell<<$driver as $crate::Driver>::Session>);

        impl $crate::harness::bindings::exports::sandboxed::harness::driver::Guest for SandboxedPlugin {
            type Session = SandboxedSession;

            fn describe() -> $crate::harness::About {
                <$driver as $crate::Driver>::describe()
            }
            fn plan_launch(
                start: $crate::harness::Start,
            ) -> Result<$crate::harness::Launch, $crate::harness::Failure> {
                <$driver as $crate::Driver>::plan_launch(start)
            }
        }

        impl $crate::harness::bindings::exports::sandboxed::harness::installer::Guest for SandboxedPlugin {
            fn plan_install(
                target: $crate::harness::Target,
            ) -> Result<Option<$crate::harness::InstallPlan>, $crate::harness::Failure> {
                <$driver as $crate::Driver>::plan_install(target)
            }
        }

        impl $crate::harness::bindings::exports::sandboxed::harness::driver::GuestSession for SandboxedSession {
            fn open(
                start: $crate::harness::Start,
                saved: Option<Vec<u8>>,
            ) -> Result<
                $crate::harness::bindings::exports::sandboxed::harness::driver::Session,
                $crate::harness::Failure,
            > {
                let session = <<$driver as $crate::Driver>::Session as $crate::Session>::open(start, saved)?;
                let session = SandboxedSession(::std::cell::RefCell::new(session));
                Ok($crate::harness::bindings::exports::sandboxed::harness::driver::Session::new(session))
            }
            fn step(
                &self,
                now_ms: u64,
                input: $crate::harness::Input,
            ) -> Result<$crate::harness::StepResult, $crate::harness::Failure> {
                $crate::Session::step(&mut *self.0.borrow_mut(), now_ms, input)
            }
            fn save(&self) -> Vec<u8> {
                $crate::Session::save(&*self.0.borrow())
            }
        }

        // A native build is for tests, and native linkers do not take the exports' names.
        #[cfg(target_arch = "wasm32")]
        $crate::harness::bindings::export!(SandboxedPlugin with_types_in $crate::harness::bindings);
    };
}
