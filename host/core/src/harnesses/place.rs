//! Where workspaces find the programs of harnesses.

use std::path::Path;

use sandboxed_exec::{Guard, StageMount};
use sandboxed_install::Installed;
use sandboxed_model::{Blame, Failure, PluginId, backend::BackendSpec, recipe::Mount, workspace::Workspace};

use super::Need;
use crate::{sandbox::Sandbox, services::Services};

/// Where a workspace that has places of its own finds them. No mount of a person's has such a name.
pub(crate) const TARGET: &str = "/mnt/.harnesses";
/// Their name on the stage.
const STAGED: &str = "programs";

impl Services {
    /// Puts the programs of all harnesses where the workspace's processes and its backend find them. A container of an engine
    /// gets them with its own directories, and one on another machine not at all.
    pub(crate) fn show_programs(&self, spec: &mut BackendSpec, guard: &mut Guard) {
        let from = self.paths.harnesses();
        let source = match &mut guard.stage {
            Some(stage) => {
                let source = stage.path(STAGED);
                stage.mounts.push(StageMount { name: STAGED.to_owned(), from, writable: false, only: None });
                source
            }
            None => from,
        };
        let source = source.to_string_lossy().into_owned();
        spec.mounts.push(Mount { source, target: TARGET.to_owned(), writable: false });
    }

    /// The path inside a workspace of what a harness needs, which is installed where it is missing; nothing where it needs
    /// nothing. See [`Services::programs`].
    ///
    /// # Errors
    /// Those of [`Services::programs`]; `install.distant` where the workspace is on another machine.
    pub(crate) async fn programs_inside(
        &self,
        plugin: &PluginId,
        workspace: &Workspace,
        sandbox: &Sandbox,
        told: impl Fn(String),
    ) -> Result<Option<String>, Failure> {
        if let Some(engine) = self.distant_engine(workspace).await?
            && !matches!(self.need(plugin).await?, Need::Nothing)
        {
            let message = format!(
                "the workspace is on the machine of the engine {engine}, where programs of harnesses are not supported yet"
            );
            return Err(Failure::new(Blame::Unavailable, "install.distant", message).with_hint(
                "run the mission in a workspace of this machine, or with a harness that needs no installation",
            ));
        }
        let Some(Installed { directory, .. }) = self.programs(plugin, told).await? else { return Ok(None) };
        let below = directory.strip_prefix(self.harnesses.installations.root()).unwrap_or(&directory);
        Ok(Some(sandbox.programs().join(below).to_string_lossy().into_owned()))
    }
}

/// Where a workspace finds the programs: the backend that leaves the inbox where it is leaves everything where it is.
pub(crate) fn seen<'s>(spec: &'s BackendSpec, inbox: &str) -> &'s Path {
    let own = spec.mounts.iter().find(|mount| mount.target == TARGET).filter(|_| spec.inbox == inbox);
    Path::new(own.map_or(TARGET, |mount| &mount.source))
}
