//! What a plugin says of itself, carried inside the component.

/// Embeds `plugin.toml`: the plugin's version, description and what it asks for. The path is relative to the file that
/// calls the macro.
#[macro_export]
macro_rules! manifest {
    ($path:literal) => {
        $crate::embed_section!("sandboxed:manifest", SANDBOXED_MANIFEST, $path);
    };
}

/// Embeds the JSON Schema of the plugin's `config` table.
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
    };
}
