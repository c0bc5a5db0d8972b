//! Writing a harness: see `wit/harness/harness.wit`.

#[doc(hidden)]
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["wit/types", "wit/host", "wit/harness"],
        world: "sandboxed:harness/harness",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
        additional_derives: [Clone, PartialEq],
    });
}

pub use bindings::{
    exports::sandboxed::harness::driver::{
        Abilities, About, Action, Event, Frame, Framing, Gap, Input, Launch, LaunchFile, Lifetime, MessageRole, Notice,
        NoticeLevel, Outcome, PlanEntry, Retry, Start, StepResult, Stream, Text, ToolCall, ToolKind, ToolOutput,
        ToolStatus, TurnEnd, Usage, Wake,
    },
    sandboxed::{
        host,
        types::{
            commands::{Command, Exit, Tty, Value},
            failures::{Blame, Failure},
        },
    },
};

/// A harness.
pub trait Driver {
    /// One mission's conversation.
    type Session: Session;

    /// What this harness is.
    fn describe() -> About;
    /// How the process is started for a turn.
    fn plan_launch(start: Start) -> Result<Launch, Failure>;
}

/// One mission's conversation: a state machine without clock, random source or I/O.
pub trait Session: Sized + 'static {
    /// A new session, or the one that [`Session::save`] saved.
    fn open(mission: String, saved: Option<Vec<u8>>) -> Result<Self, Failure>;
    /// Takes one input and says what follows.
    fn step(&mut self, now_ms: u64, input: Input) -> Result<StepResult, Failure>;
    /// All that must be remembered, at most 64 KiB.
    fn save(&self) -> Vec<u8>;
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

        impl $crate::harness::bindings::exports::sandboxed::harness::driver::GuestSession for SandboxedSession {
            fn open(
                mission: String,
                saved: Option<Vec<u8>>,
            ) -> Result<
                $crate::harness::bindings::exports::sandboxed::harness::driver::Session,
                $crate::harness::Failure,
            > {
                let session = <<$driver as $crate::Driver>::Session as $crate::Session>::open(mission, saved)?;
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
