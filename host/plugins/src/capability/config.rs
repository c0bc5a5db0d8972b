//! `config`: the plugin's own settings.

use crate::{bindings::host::config::Host, state::PluginState};

impl Host for PluginState {
    async fn get(&mut self) -> wasmtime::Result<String> {
        self.count_host_call()?;
        Ok(self.rights.config.clone())
    }
}
