//! `workspace-files`: files of the caller's workspace.

use sandboxed_model::{Blame, Failure, grant::FileAccess, tools::ToolCaller};

use crate::{
    bindings::host::{
        failures,
        workspace_files::{Entry, Host, Kind},
    },
    ports::{self, EntryKind},
    state::PluginState,
};

const MAX_READ: u32 = 8 << 20;
const MAX_ENTRIES: u32 = 1000;

impl Host for PluginState {
    async fn stat(&mut self, path: String) -> wasmtime::Result<Result<Entry, failures::Failure>> {
        self.count_host_call()?;
        let found = match self.workspace() {
            Ok(caller) => self.ports.workspaces.stat(caller, path).await,
            Err(failure) => Err(failure),
        };
        Ok(found.map(Into::into).map_err(Into::into))
    }

    async fn read(
        &mut self,
        path: String,
        offset: u64,
        len: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, failures::Failure>> {
        self.count_host_call()?;
        let read = match self.workspace() {
            Ok(caller) => self.ports.workspaces.read(caller, path, offset, len.min(MAX_READ)).await,
            Err(failure) => Err(failure),
        };
        Ok(read.map_err(Into::into))
    }

    async fn write(&mut self, path: String, bytes: Vec<u8>) -> wasmtime::Result<Result<(), failures::Failure>> {
        self.count_host_call()?;
        let written = match self.writable_workspace() {
            Ok(caller) => self.ports.workspaces.write(caller, path, bytes).await,
            Err(failure) => Err(failure),
        };
        Ok(written.map_err(Into::into))
    }

    async fn remove(&mut self, path: String) -> wasmtime::Result<Result<(), failures::Failure>> {
        self.count_host_call()?;
        let removed = match self.writable_workspace() {
            Ok(caller) => self.ports.workspaces.remove(caller, path).await,
            Err(failure) => Err(failure),
        };
        Ok(removed.map_err(Into::into))
    }

    async fn list(
        &mut self,
        path: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<Entry>, failures::Failure>> {
        self.count_host_call()?;
        let listed = match self.workspace() {
            Ok(caller) => self.ports.workspaces.list(caller, path, after, limit.min(MAX_ENTRIES)).await,
            Err(failure) => Err(failure),
        };
        Ok(listed.map(|entries| entries.into_iter().map(Into::into).collect()).map_err(Into::into))
    }
}

impl PluginState {
    /// On whose behalf the call is made.
    pub(super) fn workspace(&self) -> Result<ToolCaller, Failure> {
        self.caller.ok_or_else(|| {
            Failure::new(Blame::Plugin, "workspace.no_caller", "there is a workspace within a call of a tool only")
        })
    }

    fn writable_workspace(&self) -> Result<ToolCaller, Failure> {
        if self.rights.grants.workspace_files < Some(FileAccess::Write) {
            return Err(Failure::new(Blame::Denied, "workspace.read_only", "files may be read and not changed")
                .with_hint("grants.workspace_files = \"write\""));
        }
        self.workspace()
    }
}

impl From<ports::Entry> for Entry {
    fn from(entry: ports::Entry) -> Self {
        let kind = match entry.kind {
            EntryKind::File => Kind::File,
            EntryKind::Directory => Kind::Directory,
            EntryKind::Symlink => Kind::Symlink,
            EntryKind::Other => Kind::Other,
        };
        let modified_ms = u64::try_from(entry.modified.as_millis()).unwrap_or(0);
        Self { path: entry.path, kind, size: entry.size, modified_ms }
    }
}
