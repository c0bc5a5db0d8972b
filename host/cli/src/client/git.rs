//! Repositories in workspaces.

use sandboxed_model::{
    MissionId, WorkspaceId,
    git::{Cloned, Commit, Diff, DiffOf, NewClone, NewPush, Pushed},
};

use super::Client;
use crate::failed::Result;

impl Client {
    pub(crate) async fn clone_repository(&self, workspace: WorkspaceId, new: NewClone) -> Result<Cloned> {
        either!(self.clone_repository(workspace, new))
    }

    pub(crate) async fn mission_diff(&self, mission: MissionId, of: DiffOf) -> Result<Diff> {
        either!(self.mission_diff(mission, of))
    }

    pub(crate) async fn commit_mission(&self, mission: MissionId, message: &str) -> Result<Commit> {
        either!(self.commit_mission(mission, message))
    }

    pub(crate) async fn push_mission(&self, mission: MissionId, new: NewPush) -> Result<Pushed> {
        either!(self.push_mission(mission, new))
    }
}
