//! The server as the commands see it: one that runs, over HTTP, or one that is started in this process for the
//! command alone. Every command works with both.

mod attach;
mod builds;
mod embedded;
mod http;
mod patience;
mod sse;
mod tunnel;

#[macro_use]
mod either;
mod asks;
mod attachments;
mod files;
mod git;
mod harness;
mod models;
mod moving;
mod secrets;
mod skills;
mod snapshots;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::stream::BoxStream;
use sandboxed_core::{EventHit, Orchestrator};
use sandboxed_model::{
    MessageId, MissionId, PluginId, RunId, Seq, Timestamp, TokenId, WorkspaceId,
    access::{Scope, TokenInfo},
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
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    attach::{Attachment, Seen},
    embedded::Embedded,
    files::Content,
    http::Http,
    skills::WholeSkill,
    tunnel::Tunnel,
};
use crate::{
    arguments::Place,
    failed::{Failed, Result},
    output,
    server_file::ServerFile,
    settings::Settings,
    telemetry,
};

/// The failure of who finds another server at work on the data.
const LOCKED: &str = "store.locked";
/// How long a command waits for a server that has the data and does not answer yet, and how long it says nothing of that.
const PATIENCE: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(1);
/// How often it looks.
const STEP: Duration = Duration::from_millis(100);

/// An event with the very text that the server gave.
pub(crate) struct Followed {
    /// The event as JSON on one line.
    pub(crate) json: Arc<str>,
    /// The same, read.
    pub(crate) event: Event,
}

/// A new token with its secret.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CreatedToken {
    /// The secret. It cannot be read again.
    pub(crate) secret: String,
    /// Everything else.
    pub(crate) token: TokenInfo,
}

/// The server.
pub(crate) enum Client {
    /// In this process.
    Embedded(Embedded),
    /// Elsewhere.
    Http(Http),
}

impl Client {
    /// Finds the server: the one that was named, else the one that runs on the data directory, else one in this
    /// process.
    pub(crate) async fn connect(place: &Place) -> Result<Self> {
        if let Some(url) = &place.server {
            return Ok(Self::Http(Http::named(url, place.token.clone())?));
        }
        let settings = Settings::load(place, None)?;
        let begun = Instant::now();
        let mut told = false;
        loop {
            if let Some(running) = Self::running(&settings).await? {
                return Ok(Self::Http(running));
            }
            telemetry::quiet();
            match Orchestrator::start(settings.setup()?).await {
                // A server that starts, or another command's own, which is soon done.
                Err(error) if error.failure().code == LOCKED && begun.elapsed() < PATIENCE => {}
                started => return Ok(Self::Embedded(Embedded::of(started?).await?)),
            }
            if begun.elapsed() > QUIET && !std::mem::replace(&mut told, true) {
                output::remark("waiting for another server on the same data, which starts or is about to end");
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// The server that runs on the data directory. A file that a server left which was killed is passed over.
    pub(crate) async fn running(settings: &Settings) -> Result<Option<Http>> {
        let data_dir = &settings.config.server.data_dir;
        let Some(found) = ServerFile::read(data_dir) else { return Ok(None) };
        let http = Http::of_file(found, data_dir)?;
        Ok(http.answers().await.then_some(http))
    }

    /// Lets go of the server; one in this process ends. Runs go on.
    pub(crate) async fn close(self) {
        if let Self::Embedded(server) = self {
            server.close().await;
        }
    }

    /// Whether the server ends with this command.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded(_))
    }

    pub(crate) async fn create_mission(&self, new: NewMission) -> Result<Mission> {
        either!(self.create_mission(new))
    }

    pub(crate) async fn mission(&self, id: MissionId) -> Result<Mission> {
        either!(self.mission(id))
    }

    /// Missions, newest first, up to `limit`.
    pub(crate) async fn missions(&self, filter: &MissionFilter, limit: u32) -> Result<Vec<Mission>> {
        pages(limit, async |page| either!(self.missions(filter, &page))).await
    }

    /// A part of the missions, newest first.
    pub(crate) async fn missions_page(&self, filter: &MissionFilter, page: &PageRequest) -> Result<Page<Mission>> {
        either!(self.missions(filter, page))
    }

    pub(crate) async fn interrupt_mission(&self, id: MissionId) -> Result<Mission> {
        either!(self.interrupt_mission(id))
    }

    pub(crate) async fn cancel_mission(&self, id: MissionId) -> Result<Mission> {
        either!(self.cancel_mission(id))
    }

    pub(crate) async fn resume_mission(&self, id: MissionId) -> Result<Mission> {
        either!(self.resume_mission(id))
    }

    pub(crate) async fn finish_mission(&self, id: MissionId) -> Result<Mission> {
        either!(self.finish_mission(id))
    }

    pub(crate) async fn delete_mission(&self, id: MissionId) -> Result<()> {
        either!(self.delete_mission(id))
    }

    /// Reads a mission's output again.
    pub(crate) async fn replay_mission(&self, id: MissionId) -> Result<Replay> {
        either!(self.replay_mission(id))
    }

    pub(crate) async fn send_message(&self, id: MissionId, message: NewMessage) -> Result<QueuedMessage> {
        either!(self.send_message(id, message))
    }

    /// Sends a message that the server takes once, however often it is sent with this key.
    pub(crate) async fn send_message_once(&self, id: MissionId, text: String, key: &str) -> Result<QueuedMessage> {
        match self {
            Self::Embedded(server) => server.send_message(id, NewMessage { text, ..NewMessage::default() }).await,
            Self::Http(server) => server.send_message_once(id, text, key).await,
        }
    }

    /// Takes a message out of a mission's queue.
    pub(crate) async fn remove_queued(&self, id: MissionId, message: MessageId) -> Result<()> {
        either!(self.remove_queued(id, message))
    }

    pub(crate) async fn queue(&self, id: MissionId) -> Result<Vec<QueuedMessage>> {
        either!(self.queue(id))
    }

    /// The next events after `after`: at most a thousand, none at the end.
    pub(crate) async fn events(&self, id: MissionId, after: Seq, kinds: &[String]) -> Result<Vec<Event>> {
        either!(self.events(id, after, EVENTS, kinds))
    }

    /// All events after `after`, those that are there and those to come.
    pub(crate) async fn follow(&self, id: MissionId, after: Seq) -> Result<BoxStream<'static, Result<Followed>>> {
        either!(self.follow(id, after))
    }

    pub(crate) async fn search_events(
        &self,
        words: &str,
        mission: Option<MissionId>,
        limit: u32,
    ) -> Result<Vec<EventHit>> {
        pages(limit, async |page| either!(self.search_events(words, mission, &page))).await
    }

    pub(crate) async fn workspaces(&self) -> Result<Vec<Workspace>> {
        pages(u32::MAX, async |page| either!(self.workspaces(&page))).await
    }

    /// The workspace of this name, if there is one.
    pub(crate) async fn workspace_by_name(&self, name: &WorkspaceName) -> Result<Option<Workspace>> {
        either!(self.workspace_by_name(name))
    }

    /// The workspace of this name or id.
    pub(crate) async fn workspace(&self, name_or_id: &str) -> Result<Workspace> {
        if let Ok(id) = name_or_id.parse::<WorkspaceId>() {
            return either!(self.workspace(id));
        }
        let name = name_or_id.parse::<WorkspaceName>().map_err(|error| Failed::usage(error.to_string()))?;
        let found = self.workspace_by_name(&name).await?;
        found.ok_or_else(|| {
            Failed::new(format!("no workspace {name_or_id:?}")).hint("`sandboxed-sh workspaces list` lists them")
        })
    }

    pub(crate) async fn start_process(&self, workspace: WorkspaceId, new: NewProcess) -> Result<Process> {
        either!(self.start_process(workspace, new))
    }

    /// The newest processes of a workspace.
    pub(crate) async fn processes(&self, workspace: WorkspaceId) -> Result<Vec<Process>> {
        pages(u32::MAX, async |page| either!(self.processes(workspace, &page))).await
    }

    pub(crate) async fn attach_process(&self, process: RunId) -> Result<Attachment> {
        either!(self.attach_process(process))
    }

    pub(crate) async fn remove_process(&self, process: RunId) -> Result<()> {
        either!(self.remove_process(process))
    }

    pub(crate) async fn ports(&self, workspace: WorkspaceId) -> Result<Vec<WorkspacePort>> {
        either!(self.ports(workspace))
    }

    pub(crate) async fn set_ports(&self, id: WorkspaceId, ports: Vec<DeclaredPort>) -> Result<Vec<WorkspacePort>> {
        either!(self.set_ports(id, ports))
    }

    /// An address at which a browser is let in to a port.
    pub(crate) async fn open_port(&self, workspace: WorkspaceId, port: PortNumber) -> Result<String> {
        match self {
            Self::Http(server) => server.open_port(workspace, port).await,
            Self::Embedded(_) => Err(Failed::unavailable("no server runs to which a browser could go")
                .hint("`sandboxed-sh serve` starts one; `sandboxed-sh forward` needs none")),
        }
    }

    pub(crate) async fn connect_port(&self, workspace: WorkspaceId, port: PortNumber) -> Result<Tunnel> {
        either!(self.connect_port(workspace, port))
    }

    pub(crate) async fn create_workspace(&self, new: NewWorkspace) -> Result<Workspace> {
        either!(self.create_workspace(new))
    }

    pub(crate) async fn delete_workspace(&self, id: WorkspaceId) -> Result<()> {
        either!(self.delete_workspace(id))
    }

    /// What backends keep of workspaces that are not there.
    pub(crate) async fn leftovers(&self) -> Result<Vec<Leftover>> {
        either!(self.leftovers())
    }

    pub(crate) async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        either!(self.remove_leftover(leftover))
    }

    pub(crate) async fn plugins(&self) -> Result<Vec<PluginInfo>> {
        either!(self.plugins())
    }

    pub(crate) async fn plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        either!(self.plugin(id))
    }

    pub(crate) async fn reload_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        either!(self.reload_plugin(id))
    }

    pub(crate) async fn keep_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        either!(self.keep_plugin(id))
    }

    pub(crate) async fn roll_back_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        either!(self.roll_back_plugin(id))
    }

    pub(crate) async fn tools(&self, plugin: &PluginId) -> Result<Vec<Tool>> {
        either!(self.tools(plugin))
    }

    pub(crate) async fn call_tool(
        &self,
        plugin: &PluginId,
        tool: &str,
        workspace: WorkspaceId,
        arguments: serde_json::Value,
    ) -> Result<ToolReply> {
        either!(self.call_tool(plugin, tool, workspace, arguments))
    }

    pub(crate) async fn doctor(&self) -> Result<DoctorReport> {
        either!(self.doctor())
    }

    pub(crate) async fn tokens(&self) -> Result<Vec<TokenInfo>> {
        either!(self.tokens())
    }

    pub(crate) async fn create_token(
        &self,
        name: String,
        scope: Scope,
        expires_at: Option<Timestamp>,
    ) -> Result<CreatedToken> {
        either!(self.create_token(name, scope, expires_at))
    }

    pub(crate) async fn revoke_token(&self, id: TokenId) -> Result<()> {
        either!(self.revoke_token(id))
    }
}

/// Events that are read at once.
const EVENTS: u32 = 1000;

/// Reads a list page by page, up to `limit` entries.
async fn pages<T>(limit: u32, mut read: impl AsyncFnMut(PageRequest) -> Result<Page<T>>) -> Result<Vec<T>> {
    let mut items: Vec<T> = Vec::new();
    let mut cursor = None;
    loop {
        let missing = limit.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
        if missing == 0 {
            return Ok(items);
        }
        let page = read(PageRequest { cursor, limit: missing.min(PageRequest::MAX_LIMIT) }).await?;
        items.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(items),
        }
    }
}
