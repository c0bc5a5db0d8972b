//! Writing a backend: see `wit/backend/backend.wit`.

#[doc(hidden)]
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["wit/types", "wit/host", "wit/backend"],
        world: "sandboxed:backend/backend",
        with: {
            "sandboxed:types/failures@0.1.0": crate::contracts::sandboxed::types::failures,
            "sandboxed:types/commands@0.1.0": crate::contracts::sandboxed::types::commands,
            "sandboxed:host/log@0.1.0": crate::contracts::sandboxed::host::log,
            "sandboxed:host/config@0.1.0": crate::contracts::sandboxed::host::config,
            "sandboxed:host/kv@0.1.0": crate::contracts::sandboxed::host::kv,
            "sandboxed:host/secrets@0.1.0": crate::contracts::sandboxed::host::secrets,
            "sandboxed:host/fetch@0.1.0": crate::contracts::sandboxed::host::fetch,
            "sandboxed:host/run@0.1.0": crate::contracts::sandboxed::host::run,
            "sandboxed:host/progress@0.1.0": crate::contracts::sandboxed::host::progress,
        },
        pub_export_macro: true,
        export_macro_name: "export",
        additional_derives: [Clone, PartialEq],
    });
}

pub use bindings::exports::sandboxed::backend::lifecycle::{
    Abilities, About, Attachment, AttachmentContent, Launch, Observed, PathRules, Phase, Requirement, Spawned, Spec,
};

pub use crate::contracts::sandboxed::types::{
    commands::{Command, Exit, Tty, Value},
    failures::{Blame, Failure},
};

/// The interfaces that a backend may be granted.
pub mod host {
    pub use crate::contracts::sandboxed::host::{config, fetch, kv, log, progress, run, secrets};
}

impl Spawned {
    /// A command that is started as it is, with nothing attached and under no rules but the server's own.
    pub fn plain(command: Command) -> Self {
        Self { command, filtered: false, rules: None, attachments: Vec::new(), wrapper: false }
    }
}

/// A backend. Every function that changes something must be repeatable: the host calls it again after a crash.
pub trait Backend {
    /// What this backend is.
    fn describe() -> About;
    /// What it needs on this machine.
    fn probe() -> Result<Vec<Requirement>, Failure>;
    /// Makes the workspace ready.
    fn ensure(spec: Spec) -> Result<Observed, Failure>;
    /// Looks, and changes nothing.
    fn observe(spec: Spec) -> Result<Observed, Failure>;
    /// Workspaces of which something is kept outside the server's data directory.
    fn list_owned() -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
    /// Rewrites a command for the inside into one that the host can start.
    fn enter(spec: Spec, observed: Observed, command: Command) -> Result<Launch, Failure>;
    /// Ends what the backend itself runs for the workspace.
    fn stop(_spec: Spec, _grace_ms: u32) -> Result<(), Failure> {
        Ok(())
    }
    /// Removes what the backend keeps for the workspace.
    fn destroy(_spec: Spec) -> Result<(), Failure> {
        Ok(())
    }
}

/// Exports a type that implements [`Backend`](crate::Backend) as the plugin.
#[macro_export]
macro_rules! export_backend {
    ($backend:ty) => {
        #[doc(hidden)]
        pub struct SandboxedPlugin;

        impl $crate::backend::bindings::exports::sandboxed::backend::lifecycle::Guest for SandboxedPlugin {
            fn describe() -> $crate::backend::About {
                <$backend as $crate::Backend>::describe()
            }
            fn probe() -> Result<Vec<$crate::backend::Requirement>, $crate::backend::Failure> {
                <$backend as $crate::Backend>::probe()
            }
            fn ensure(
                spec: $crate::backend::Spec,
            ) -> Result<$crate::backend::Observed, $crate::backend::Failure> {
                <$backend as $crate::Backend>::ensure(spec)
            }
            fn observe(
                spec: $crate::backend::Spec,
            ) -> Result<$crate::backend::Observed, $crate::backend::Failure> {
                <$backend as $crate::Backend>::observe(spec)
            }
            fn list_owned() -> Result<Vec<String>, $crate::backend::Failure> {
                <$backend as $crate::Backend>::list_owned()
            }
            fn enter(
                spec: $crate::backend::Spec,
                observed: $crate::backend::Observed,
                command: $crate::backend::Command,
            ) -> Result<$crate::backend::Launch, $crate::backend::Failure> {
                <$backend as $crate::Backend>::enter(spec, observed, command)
            }
            fn stop(spec: $crate::backend::Spec, grace_ms: u32) -> Result<(), $crate::backend::Failure> {
                <$backend as $crate::Backend>::stop(spec, grace_ms)
            }
            fn destroy(spec: $crate::backend::Spec) -> Result<(), $crate::backend::Failure> {
                <$backend as $crate::Backend>::destroy(spec)
            }
        }

        // A native build is for tests, and native linkers do not take the exports' names.
        #[cfg(target_arch = "wasm32")]
        $crate::backend::bindings::export!(SandboxedPlugin with_types_in $crate::backend::bindings);
    };
}
