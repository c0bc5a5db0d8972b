//! The plugin's own settings.

use serde::de::DeserializeOwned;

use crate::{Failure, failure};

/// The `config` table of the plugin's entry in `sandboxed.toml`. The host has checked it against the schema that
/// [`config_schema!`](crate::config_schema) embeds; where the operator wrote none, it is an empty table.
///
/// In a native test this is the table that `testkit::set_config` was given.
///
/// # Errors
/// `config.invalid` when the table does not fit `T`, which means that `T` and the schema differ.
pub fn config<T: DeserializeOwned>() -> Result<T, Failure> {
    serde_json::from_str(&text())
        .map_err(|error| failure!(Config, "config.invalid", "the config does not fit: {error}"))
}

#[cfg(target_arch = "wasm32")]
fn text() -> String {
    crate::contracts::sandboxed::host::config::get()
}

#[cfg(not(target_arch = "wasm32"))]
fn text() -> String {
    crate::testkit::config_text()
}
