//! A server in this process.

mod files;
mod git;

use futures_util::{StreamExt as _, stream::BoxStream};
use sandboxed_core::{EventHit, Orchestrator};
use sandboxed_model::{
    MessageId, MissionId, PluginId, RunId, Seq, Timestamp, TokenId, WorkspaceId,
    access::{Principal, Scope, TokenInfo},
    doctor::DoctorReport,
    event::Event,
    mission::{Mission, MissionFilter, NewMission},
    page::{Page, PageRequest},
    plugin::PluginInfo,
    port::{DeclaredPort, PortNumber, WorkspacePort},
    process::{NewProcess, Process},
    queue::{NewMessage, QueuedMessage},
    replay::Replay,
    tools::{Tool, ToolReply},
    workspace::{Leftover, NewWorkspace, Workspace, WorkspaceName},
};

use super::{Attachment, CreatedToken, Followed, Tunnel};
use crate::failed::{Failed, Result};

/// A server in this process, used as the operator of this machine.
pub(crate) struct Embedded {
    pub(super) orchestrator: Orchestrator,
    pub(super) by: Principal,
}

impl Embedded {
    /// A client of an orchestrator that runs.
    pub(crate) async fn of(orchestrator: Orchestrator) -> Result<Self> {
        let by = orchestrator.local_principal().await?;
        Ok(Self { orchestrator, by })
    }

    pub(crate) fn orchestrator(&self) -> &Orchestrator {
        &self.orchestrator
    }

    pub(crate) async fn close(self) {
        self.orchestrator.shutdown().await;
    }

    pub(super) async fn create_mission(&self, new: NewMission) -> Result<Mission> {
        Ok(self.orchestrator.create_mission(&self.by, new).await?)
    }

    pub(super) async fn test_harness(&self, id: &PluginId, model: Option<String>) -> Result<Mission> {
        Ok(self.orchestrator.test_harness(&self.by, id, model).await?)
    }

    pub(super) async fn mission(&self, id: MissionId) -> Result<Mission> {
        Ok(self.orchestrator.mission(id).await?)
    }

    pub(super) async fn missions(&self, filter: &MissionFilter, page: &PageRequest) -> Result<Page<Mission>> {
        Ok(self.orchestrator.missions(filter, page).await?)
    }

    pub(super) async fn interrupt_mission(&self, id: MissionId) -> Result<Mission> {
        Ok(self.orchestrator.interrupt_mission(id).await?)
    }

    pub(super) async fn cancel_mission(&self, id: MissionId) -> Result<Mission> {
        Ok(self.orchestrator.cancel_mission(id).await?)
    }

    pub(super) async fn resume_mission(&self, id: MissionId) -> Result<Mission> {
        Ok(self.orchestrator.resume_mission(id).await?)
    }

    pub(super) async fn finish_mission(&self, id: MissionId) -> Result<Mission> {
        Ok(self.orchestrator.finish_mission(id).await?)
    }

    pub(super) async fn delete_mission(&self, id: MissionId) -> Result<()> {
        Ok(self.orchestrator.delete_mission(id).await?)
    }

    pub(super) async fn replay_mission(&self, id: MissionId) -> Result<Replay> {
        Ok(self.orchestrator.replay_mission(id).await?)
    }

    pub(super) async fn send_message(&self, id: MissionId, message: NewMessage) -> Result<QueuedMessage> {
        Ok(self.orchestrator.send_message(&self.by, id, message).await?)
    }

    pub(super) async fn remove_queued(&self, id: MissionId, message: MessageId) -> Result<()> {
        Ok(self.orchestrator.remove_queued(id, message).await?)
    }

    pub(super) async fn queue(&self, id: MissionId) -> Result<Vec<QueuedMessage>> {
        Ok(self.orchestrator.queue(id).await?)
    }

    pub(super) async fn events(&self, id: MissionId, after: Seq, limit: u32, kinds: &[String]) -> Result<Vec<Event>> {
        Ok(self.orchestrator.events(id, after, limit, kinds).await?)
    }

    pub(super) async fn follow(&self, id: MissionId, after: Seq) -> Result<BoxStream<'static, Result<Followed>>> {
        let events = self.orchestrator.follow_mission(id, after).await?;
        let read = |event: sandboxed_core::Result<sandboxed_core::StreamedEvent>| {
            let json = event?.json;
            let event = serde_json::from_str(&json)
                .map_err(|error| Failed::new(format!("an event cannot be read: {error}")))?;
            Ok(Followed { json, event })
        };
        Ok(events.map(read).boxed())
    }

    pub(super) async fn search_events(
        &self,
        words: &str,
        mission: Option<MissionId>,
        page: &PageRequest,
    ) -> Result<Page<EventHit>> {
        Ok(self.orchestrator.search_events(words, mission, page).await?)
    }

    pub(super) async fn workspaces(&self, page: &PageRequest) -> Result<Page<Workspace>> {
        Ok(self.orchestrator.workspaces(page).await?)
    }

    pub(super) async fn workspace_by_name(&self, name: &WorkspaceName) -> Result<Option<Workspace>> {
        match self.orchestrator.workspace_by_name(name).await {
            Ok(workspace) => Ok(Some(workspace)),
            Err(sandboxed_core::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn workspace(&self, id: WorkspaceId) -> Result<Workspace> {
        Ok(self.orchestrator.workspace(id).await?)
    }

    pub(super) async fn start_process(&self, workspace: WorkspaceId, new: NewProcess) -> Result<Process> {
        Ok(self.orchestrator.start_process(&self.by, workspace, new).await?)
    }

    pub(super) async fn processes(&self, workspace: WorkspaceId, page: &PageRequest) -> Result<Page<Process>> {
        Ok(self.orchestrator.processes(workspace, page).await?)
    }

    pub(super) async fn attach_process(&self, process: RunId) -> Result<Attachment> {
        Attachment::local(self.orchestrator.clone(), process).await
    }

    pub(super) async fn remove_process(&self, process: RunId) -> Result<()> {
        Ok(self.orchestrator.remove_process(process).await?)
    }

    pub(super) async fn ports(&self, workspace: WorkspaceId) -> Result<Vec<WorkspacePort>> {
        Ok(self.orchestrator.workspace_ports(workspace).await?)
    }

    pub(super) async fn set_ports(&self, id: WorkspaceId, ports: Vec<DeclaredPort>) -> Result<Vec<WorkspacePort>> {
        Ok(self.orchestrator.set_workspace_ports(id, ports).await?)
    }

    pub(super) async fn connect_port(&self, workspace: WorkspaceId, port: PortNumber) -> Result<Tunnel> {
        Ok(Tunnel::Embedded(Box::new(self.orchestrator.connect_port(workspace, port).await?)))
    }

    pub(super) async fn create_workspace(&self, new: NewWorkspace) -> Result<Workspace> {
        Ok(self.orchestrator.create_workspace(&self.by, new).await?)
    }

    pub(super) async fn delete_workspace(&self, id: WorkspaceId) -> Result<()> {
        Ok(self.orchestrator.delete_workspace(id).await?)
    }

    pub(super) async fn leftovers(&self) -> Result<Vec<Leftover>> {
        Ok(self.orchestrator.leftovers().await?)
    }

    pub(super) async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        Ok(self.orchestrator.remove_leftover(leftover).await?)
    }

    pub(super) async fn plugins(&self) -> Result<Vec<PluginInfo>> {
        Ok(self.orchestrator.plugins())
    }

    pub(super) async fn plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        Ok(self.orchestrator.plugin(id)?)
    }

    pub(super) async fn reload_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        Ok(self.orchestrator.reload_plugin(id).await?)
    }

    pub(super) async fn keep_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        Ok(self.orchestrator.keep_plugin(id).await?)
    }

    pub(super) async fn roll_back_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        Ok(self.orchestrator.roll_back_plugin(id).await?)
    }

    pub(super) async fn tools(&self, plugin: &PluginId) -> Result<Vec<Tool>> {
        Ok(self.orchestrator.tools(plugin).await?)
    }

    pub(super) async fn call_tool(
        &self,
        plugin: &PluginId,
        tool: &str,
        workspace: WorkspaceId,
        arguments: serde_json::Value,
    ) -> Result<ToolReply> {
        Ok(self.orchestrator.call_tool(plugin, tool, workspace, arguments).await?)
    }

    pub(super) async fn doctor(&self) -> Result<DoctorReport> {
        Ok(self.orchestrator.doctor().await?)
    }

    pub(super) async fn tokens(&self) -> Result<Vec<TokenInfo>> {
        Ok(self.orchestrator.tokens(&self.by).await?)
    }

    pub(super) async fn create_token(
        &self,
        name: String,
        scope: Scope,
        expires_at: Option<Timestamp>,
    ) -> Result<CreatedToken> {
        let made = self.orchestrator.create_token(&self.by, name, scope, expires_at).await?;
        Ok(CreatedToken { secret: made.secret, token: made.info })
    }

    pub(super) async fn revoke_token(&self, id: TokenId) -> Result<()> {
        Ok(self.orchestrator.revoke_token(&self.by, id).await?)
    }
}
