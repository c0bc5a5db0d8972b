//! Writing tools: see `wit/tools/tools.wit`.

#[doc(hidden)]
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["wit/types", "wit/host", "wit/tools"],
        world: "sandboxed:tools/tools",
        with: {
            "sandboxed:types/failures@0.1.0": crate::contracts::sandboxed::types::failures,
            "sandboxed:types/commands@0.1.0": crate::contracts::sandboxed::types::commands,
            "sandboxed:host/log@0.1.0": crate::contracts::sandboxed::host::log,
            "sandboxed:host/config@0.1.0": crate::contracts::sandboxed::host::config,
            "sandboxed:host/kv@0.1.0": crate::contracts::sandboxed::host::kv,
            "sandboxed:host/secrets@0.1.0": crate::contracts::sandboxed::host::secrets,
            "sandboxed:host/fetch@0.1.0": crate::contracts::sandboxed::host::fetch,
            "sandboxed:host/progress@0.1.0": crate::contracts::sandboxed::host::progress,
            "sandboxed:host/workspace-files@0.1.0": crate::contracts::sandboxed::host::workspace_files,
            "sandboxed:host/workspace-run@0.1.0": crate::contracts::sandboxed::host::workspace_run,
        },
        pub_export_macro: true,
        export_macro_name: "export",
        additional_derives: [Clone, PartialEq],
    });
}

pub use bindings::exports::sandboxed::tools::handler::{Caller, Content, Reply, Tool};

pub use crate::contracts::sandboxed::types::{
    commands::{Command, Exit, Tty, Value},
    failures::{Blame, Failure},
};

/// The interfaces that tools may be granted.
pub mod host {
    pub use crate::contracts::sandboxed::host::{
        config, fetch, kv, log, progress, secrets, workspace_files, workspace_run,
    };
}

/// A set of tools. Each call gets an instance of its own.
pub trait Tools {
    /// The tools, in an order that never changes.
    fn list() -> Vec<Tool>;
    /// Calls a tool; `arguments` passed its schema.
    fn call(caller: Caller, name: String, arguments: String) -> Result<Reply, Failure>;
}

impl Reply {
    /// An answer of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Content::Text(text.into())], is_error: false }
    }

    /// An answer of data. `value` is JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self { content: vec![Content::Json(value.to_string())], is_error: false }
    }

    /// The tool could not do what was asked, for a reason that the model can mend.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }
}

/// Exports a type that implements [`Tools`](crate::Tools) as the plugin.
#[macro_export]
macro_rules! export_tools {
    ($tools:ty) => {
        #[doc(hidden)]
        pub struct SandboxedPlugin;

        impl $crate::tools::bindings::exports::sandboxed::tools::handler::Guest for SandboxedPlugin {
            fn list_tools() -> Vec<$crate::tools::Tool> {
                <$tools as $crate::Tools>::list()
            }
            fn call(
                caller: $crate::tools::Caller,
                name: String,
                arguments: String,
            ) -> Result<$crate::tools::Reply, $crate::tools::Failure> {
                <$tools as $crate::Tools>::call(caller, name, arguments)
            }
        }

        // A native build is for tests, and native linkers do not take the exports' names.
        #[cfg(target_arch = "wasm32")]
        $crate::tools::bindings::export!(SandboxedPlugin with_types_in $crate::tools::bindings);
    };
}
