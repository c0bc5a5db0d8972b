//! Plugins, tools, search, audit and backup.

use std::path::Path;

use sandboxed_model::{
    MissionId, PluginId, Timestamp, UserId, WorkspaceId,
    access::Principal,
    event::Event,
    harness::HarnessAbout,
    page::{Page, PageRequest},
    plugin::PluginInfo,
    tools::{Tool, ToolCaller, ToolReply},
};
use sandboxed_store::AuditRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Error, Orchestrator, Result};

/// An event that a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventHit {
    /// The event.
    pub event: Event,
    /// A part of its text around the first word that was looked for.
    pub snippet: String,
}

/// What was done by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// By whom; absent for a request that was not let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What was asked for: method and route, or an action of the server's own.
    pub action: String,
    /// On what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How it came out: an HTTP status or a word.
    pub outcome: String,
}

/// An answer that was given to a request with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// SHA-256 of the request that was answered (method, path, body).
    pub request_hash: [u8; 32],
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

impl Orchestrator {
    /// The plugins in the order of the configuration.
    pub fn plugins(&self) -> Vec<PluginInfo> {
        self.services.plugins.list()
    }

    /// A plugin as it stands.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        let info = self.services.plugins.inspect(id);
        info.ok_or_else(|| Error::NotFound { what: "plugin", id: id.to_string() })
    }

    /// Loads a plugin's component anew. Calls in flight finish on the old one.
    ///
    /// # Errors
    /// When it cannot be loaded; the old one stays in use.
    pub async fn reload_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        self.plugin(id)?;
        Ok(self.services.plugins.reload(id).await?)
    }

    /// Ends the trial of a plugin's version: it counts as good.
    ///
    /// # Errors
    /// When there is no such plugin, or its version is not on trial.
    pub async fn keep_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        self.plugin(id)?;
        Ok(self.services.plugins.keep(id).await?)
    }

    /// Puts a plugin's version before in use. Live turns go on with it.
    ///
    /// # Errors
    /// When there is no such plugin, there is no version before, or that cannot be loaded.
    pub async fn roll_back_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        self.plugin(id)?;
        Ok(self.services.plugins.roll_back(id).await?)
    }

    /// What a harness is and can do.
    ///
    /// # Errors
    /// When there is none of this id, or it is out of service.
    pub async fn harness(&self, id: &PluginId) -> Result<HarnessAbout> {
        self.plugin(id)?;
        Ok(self.services.plugins.harness(id)?.describe().await?)
    }

    /// The tools of a plugin.
    ///
    /// # Errors
    /// When there is none of this id, it has no tools, or it is out of service.
    pub async fn tools(&self, plugin: &PluginId) -> Result<Vec<Tool>> {
        self.plugin(plugin)?;
        Ok(self.services.plugins.tools(plugin)?.list_tools().await?)
    }

    /// Calls a tool on a workspace for a person.
    ///
    /// # Errors
    /// When plugin, tool or workspace do not exist, the arguments do not fit the tool's schema, or the tool fails
    /// in a way that other arguments would not mend.
    pub async fn call_tool(
        &self,
        plugin: &PluginId,
        tool: &str,
        workspace: WorkspaceId,
        arguments: serde_json::Value,
    ) -> Result<ToolReply> {
        self.plugin(plugin)?;
        self.workspace(workspace).await?;
        let caller = ToolCaller { workspace, mission: None };
        Ok(self.services.plugins.tools(plugin)?.call(caller, tool, arguments).await?)
    }

    /// Events whose text holds these words, best match first, of one mission or of all.
    ///
    /// # Errors
    /// When the cursor is none of this list.
    pub async fn search_events(
        &self,
        words: &str,
        mission: Option<MissionId>,
        page: &PageRequest,
    ) -> Result<Page<EventHit>> {
        let hits = self.services.store.search_events(words, mission, page).await?;
        let items = hits.items.into_iter().map(|hit| EventHit { event: hit.event, snippet: hit.snippet }).collect();
        Ok(Page { items, next_cursor: hits.next_cursor })
    }

    /// Whether the server can do its work: the store answers. For `/readyz`.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ready(&self) -> Result<()> {
        self.services.store.revision().await?;
        Ok(())
    }

    /// Writes a copy of the database to `to` while the server goes on.
    ///
    /// # Errors
    /// When `to` cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<()> {
        Ok(self.services.store.backup(to).await?)
    }

    /// Notes what was done. Never fails the request: an entry that cannot be written is logged.
    pub async fn audit(&self, mut entry: AuditEntry) {
        if let Some(target) = &mut entry.target {
            self.services.vault.redaction().clean(target);
        }
        let AuditEntry { at, user, action, target, outcome } = entry;
        let record = AuditRecord { at, user, action, target, outcome, detail: None };
        if let Err(error) = self.services.store.append_audit(record.clone()).await {
            tracing::error!(%error, ?record, "an audit entry could not be stored");
        }
    }

    /// The audit log, newest first.
    ///
    /// # Errors
    /// When the cursor is none of this list.
    pub async fn audit_log(&self, page: &PageRequest) -> Result<Page<AuditEntry>> {
        let rows = self.services.store.audit_log(page).await?;
        let items = rows
            .items
            .into_iter()
            .map(|AuditRecord { at, user, action, target, outcome, detail: _ }| AuditEntry {
                at,
                user,
                action,
                target,
                outcome,
            })
            .collect();
        Ok(Page { items, next_cursor: rows.next_cursor })
    }

    /// The answer that this person's key was given within the last 24 hours.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stored_answer(&self, by: &Principal, key: &str) -> Result<Option<StoredAnswer>> {
        let stored = self.services.store.idempotent(by.user, key).await?;
        Ok(stored.map(|row| StoredAnswer { request_hash: row.request_hash, status: row.status, body: row.body }))
    }

    /// Keeps the answer to a key for 24 hours.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn store_answer(&self, by: &Principal, key: &str, answer: StoredAnswer) -> Result<()> {
        let StoredAnswer { request_hash, status, body } = answer;
        let row = sandboxed_store::StoredAnswer { request_hash, status, body };
        Ok(self.services.store.put_idempotent(by.user, key, row).await?)
    }
}
