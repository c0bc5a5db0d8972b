//! Repositories in workspaces.

use sandboxed_model::{
    MissionId, WorkspaceId,
    git::{Cloned, Commit, Diff, DiffOf, NewClone, NewPush, Pushed},
};

use super::Embedded;
use crate::failed::Result;

impl Embedded {
    pub(in crate::client) async fn clone_repository(&self, workspace: WorkspaceId, new: NewClone) -> Result<Cloned> {
        Ok(self.orchestrator.clone_repository(workspace, new).await?)
    }

    pub(in crate::client) async fn mission_diff(&self, mission: MissionId, of: DiffOf) -> Result<Diff> {
        Ok(self.orchestrator.mission_diff(mission, of).await?)
    }

    pub(in crate::client) async fn commit_mission(&self, mission: MissionId, message: &str) -> Result<Commit> {
        Ok(self.orchestrator.commit_mission(mission, message).await?)
    }

    pub(in crate::client) async fn push_mission(&self, mission: MissionId, new: NewPush) -> Result<Pushed> {
        Ok(self.orchestrator.push_mission(mission, new).await?)
    }
}
