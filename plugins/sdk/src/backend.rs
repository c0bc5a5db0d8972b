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
            "sandboxed:types/images@0.1.0": crate::contracts::sandboxed::types::images,
            "sandboxed:host/log@0.1.0": crate::contracts::sandboxed::host::log,
            "sandboxed:host/config@0.1.0": crate::contracts::sandboxed::host::config,
            "sandboxed:host/kv@0.1.0": crate::contracts::sandboxed::host::kv,
            "sandboxed:host/secrets@0.1.0": crate::contracts::sandboxed::host::secrets,
            "sandboxed:host/fetch@0.1.0": crate::contracts::sandboxed::host::fetch,
            "sandboxed:host/run@0.1.0": crate::contracts::sandboxed::host::run,
            "sandboxed:host/progress@0.1.0": crate::contracts::sandboxed::host::progress,
            "sandboxed:host/containers@0.1.0": crate::contracts::sandboxed::host::containers,
        },
        pub_export_macro: true,
        export_macro_name: "export",
        additional_derives: [Clone, PartialEq],
    });
}

pub use bindings::exports::sandboxed::backend::lifecycle::{
    Abilities, About, Account, Attachment, AttachmentContent, Contained, Image, ImagePlan, Joined, Launch, Leader,
    Mount, Observed, PathRules, Phase, Requirement, RootPlan, RootSource, Spawned, Spec,
};

pub use crate::contracts::sandboxed::types::{
    commands::{Command, Exit, Tty, Value},
    failures::{Blame, Failure},
    images::{Dockerfile, ImageSource},
};

/// The interfaces that a backend may be granted.
pub mod host {
    pub use crate::contracts::sandboxed::host::{config, containers, fetch, kv, log, progress, run, secrets};
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
    /// What the workspace's root file system begins with.
    fn plan_root(_options: String) -> Result<Option<RootPlan>, Failure> {
        Ok(None)
    }
    /// How that is made in the directory `target`. Asked only of a backend that plans one.
    fn make_root(_options: String, _target: String) -> Result<RootSource, Failure> {
        Err(crate::failure!(Plugin, "backend.no_root", "the backend plans no root file system"))
    }
    /// What the workspace's container is made from.
    fn plan_image(_options: String) -> Result<Option<ImagePlan>, Failure> {
        Ok(None)
    }
    /// Makes the workspace ready.
    fn ensure(spec: Spec) -> Result<Observed, Failure>;
    /// Looks, and changes nothing.
    fn observe(spec: Spec) -> Result<Observed, Failure>;
    /// Workspaces of which something is kept outside the server's data directory.
    fn list_owned() -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
    /// Whose namespaces the workspace's processes join.
    fn lead(_spec: Spec, _observed: Observed) -> Result<Leader, Failure> {
        Ok(Leader::Server)
    }
    /// Rewrites a command for the inside into one that the host can start.
    fn enter(spec: Spec, observed: Observed, command: Command) -> Result<Launch, Failure>;
    /// Keeps what the backend itself holds of the workspace.
    fn snapshot(_spec: Spec, _observed: Observed, _snapshot: String) -> Result<String, Failure> {
        Ok(String::new())
    }
    /// Prepares a new workspace from what was kept.
    fn fork(_spec: Spec, _kept: String) -> Result<(), Failure> {
        Ok(())
    }
    /// Removes what was kept.
    fn forget(_kept: String) -> Result<(), Failure> {
        Ok(())
    }
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
            fn plan_root(
                options: String,
            ) -> Result<Option<$crate::backend::RootPlan>, $crate::backend::Failure> {
                <$backend as $crate::Backend>::plan_root(options)
            }
            fn make_root(
                options: String,
                target: String,
            ) -> Result<$crate::backend::RootSource, $crate::backend::Failure> {
                <$backend as $crate::Backend>::make_root(options, target)
            }
            fn plan_image(
                options: String,
            ) -> Result<Option<$crate::backend::ImagePlan>, $crate::backend::Failure> {
                <$backend as $crate::Backend>::plan_image(options)
            }
            fn lead(
                spec: $crate::backend::Spec,
                observed: $crate::backend::Observed,
            ) -> Result<$crate::backend::Leader, $crate::backend::Failure> {
                <$backend as $crate::Backend>::lead(spec, observed)
            }
            fn snapshot(
                spec: $crate::backend::Spec,
                observed: $crate::backend::Observed,
                snapshot: String,
            ) -> Result<String, $crate::backend::Failure> {
                <$backend as $crate::Backend>::snapshot(spec, observed, snapshot)
            }
            fn fork(spec: $crate::backend::Spec, kept: String) -> Result<(), $crate::backend::Failure> {
                <$backend as $crate::Backend>::fork(spec, kept)
            }
            fn forget(kept: String) -> Result<(), $crate::backend::Failure> {
                <$backend as $crate::Backend>::forget(kept)
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
