//! Workspaces that leave, and come in.

use futures_util::StreamExt as _;
use reqwest::Method;
use sandboxed_model::{
    WorkspaceId,
    moving::{ExportFormat, ImportWishes, ImportedWorkspace},
};
use tokio::io::AsyncRead;

use super::{Client, Embedded, Http, files::Content, http::streamed};
use crate::failed::Result;

impl Client {
    pub(crate) async fn export_workspace(&self, id: WorkspaceId, format: ExportFormat) -> Result<Content> {
        either!(self.export_workspace(id, format))
    }

    pub(crate) async fn import_workspace(
        &self,
        wishes: ImportWishes,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<ImportedWorkspace> {
        either!(self.import_workspace(wishes, content))
    }
}

impl Embedded {
    async fn export_workspace(&self, id: WorkspaceId, format: ExportFormat) -> Result<Content> {
        let mut export = self.orchestrator.export_workspace(id, format).await?;
        let content = async_stream::try_stream! {
            while let Some(piece) = export.next().await? {
                yield piece;
            }
        };
        Ok(content.boxed())
    }

    async fn import_workspace(
        &self,
        wishes: ImportWishes,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<ImportedWorkspace> {
        Ok(self.orchestrator.import_workspace(&self.by, wishes, content).await?)
    }
}

impl Http {
    async fn export_workspace(&self, id: WorkspaceId, format: ExportFormat) -> Result<Content> {
        let request = self.request(Method::GET, &format!("/workspaces/{id}/export"));
        Ok(self.content(self.ask(request.query(&[("format", format.as_str())])).await?))
    }

    async fn import_workspace(
        &self,
        wishes: ImportWishes,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<ImportedWorkspace> {
        let ImportWishes { name, backend, options } = wishes;
        let wanted = [
            ("name", name.map(|name| name.to_string())),
            ("backend", backend.map(|backend| backend.to_string())),
            ("options", options.map(|options| serde_json::Value::Object(options).to_string())),
        ];
        let query: Vec<_> = wanted.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        self.read(streamed(self.request(Method::POST, "/workspaces/import").query(&query), content)).await
    }
}
