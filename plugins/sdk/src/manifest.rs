//! What a plugin says of itself, carried inside the component.

/// Embeds `plugin.toml`. The path is relative to the file that calls the macro.
///
/// ```toml
/// id = "workspace"               # what the author calls it; the operator may call it something else
/// kind = "tools"                 # backend, harness or tools
/// version = "1.2.0"
/// description = "One sentence for a person who chooses plugins."
///
/// [[request]]                    # one for each grant that it asks for
/// grant = "workspace_files"      # a key of `grants` in sandboxed.toml: log, kv, secrets, fetch, run, progress,
///                                # workspace_files, workspace_run
/// values = ["write"]             # names of secrets, hosts with port, programs; absent where the grant has none
/// why = "To list, read, write, edit and delete files."
/// ```
///
/// What it gets is what it asks for and the operator grants.
#[macro_export]
macro_rules! manifest {
    ($path:literal) => {
        $crate::embed_section!("sandboxed:manifest", SANDBOXED_MANIFEST, $path);
    };
}

/// Embeds the JSON Schema (draft 2020-12) of the plugin's `config` table, which the host checks before it loads the
/// plugin. The path is relative to the file that calls the macro.
#[macro_export]
macro_rules! config_schema {
    ($path:literal) => {
        $crate::embed_section!("sandboxed:config-schema", SANDBOXED_CONFIG_SCHEMA, $path);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! embed_section {
    ($section:literal, $name:ident, $path:literal) => {
        #[cfg(target_arch = "wasm32")]
        #[used]
        #[unsafe(link_section = $section)]
        static $name: [u8; include_bytes!($path).len()] = *include_bytes!($path);
        // A native build has no use for it, and finds out all the same when the file is missing.
        #[cfg(not(target_arch = "wasm32"))]
        const _: &[u8] = include_bytes!($path);
    };
}
