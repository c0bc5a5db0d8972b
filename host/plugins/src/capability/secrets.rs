//! `secrets`: whether a secret is set.

use crate::{bindings::host::secrets::Host, state::PluginState};

impl Host for PluginState {
    async fn exists(&mut self, name: String) -> wasmtime::Result<bool> {
        self.count_host_call()?;
        Ok(self.rights.grants.secrets.contains(&name) && self.ports.secrets.exists(&self.plugin, &name))
    }
}
