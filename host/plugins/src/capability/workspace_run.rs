//! `workspace-run`: programs in the caller's workspace.

use super::run::MAX_OUTPUT;
use crate::{
    bindings::host::{commands, failures, workspace_run::Host},
    state::PluginState,
};

impl Host for PluginState {
    async fn short(
        &mut self,
        command: commands::Command,
        stdin: Vec<u8>,
        deadline_ms: u32,
    ) -> wasmtime::Result<Result<commands::Output, failures::Failure>> {
        self.count_host_call()?;
        let deadline = self.time_for(deadline_ms);
        let secrets = self.rights.grants.secrets.clone();
        let output = match self.workspace() {
            Ok(caller) => {
                let plugin = self.plugin.clone();
                let workspaces = &self.ports.workspaces;
                workspaces.run(plugin, caller, command.into(), secrets, stdin, deadline, MAX_OUTPUT).await
            }
            Err(failure) => Err(failure),
        };
        Ok(output.map(Into::into).map_err(Into::into))
    }
}
