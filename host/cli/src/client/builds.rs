//! Templates and builds of workspaces, on whichever server.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use reqwest::Method;
use sandboxed_core::ProcessChunk;
use sandboxed_model::{
    BuildId, WorkspaceId,
    build::Build,
    command::OutputStream,
    page::{Page, PageRequest},
    template::{Application, NewTemplate, Template, TemplateChoice, TemplateName},
};
use serde_json::json;

use super::{Client, Embedded, Http, http::page_query, pages};
use crate::failed::{Failed, Result};

/// How long to wait before a build is looked at again.
const PAUSE: Duration = Duration::from_millis(200);

impl Client {
    pub(crate) async fn templates(&self) -> Result<Vec<Template>> {
        pages(u32::MAX, async |page: PageRequest| match self {
            Self::Embedded(server) => Ok(server.orchestrator().templates(&page).await?),
            Self::Http(server) => server.query::<Page<_>>("/templates", &page_query(&page)).await,
        })
        .await
    }

    pub(crate) async fn template_versions(&self, name: &TemplateName) -> Result<Vec<Template>> {
        pages(u32::MAX, async |page: PageRequest| match self {
            Self::Embedded(server) => Ok(server.orchestrator().template_versions(name, &page).await?),
            Self::Http(server) => {
                server.query::<Page<_>>(&format!("/templates/{name}/versions"), &page_query(&page)).await
            }
        })
        .await
    }

    pub(crate) async fn template(&self, TemplateChoice { name, version }: &TemplateChoice) -> Result<Template> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().template(name, *version).await?),
            Self::Http(server) => {
                let query: Vec<_> = version.iter().map(|version| ("version", version.to_string())).collect();
                server.query(&format!("/templates/{name}"), &query).await
            }
        }
    }

    pub(crate) async fn create_template(&self, new: NewTemplate) -> Result<Template> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().create_template(new).await?),
            Self::Http(server) => {
                let NewTemplate { name, description, workspace } = new;
                let body = json!({ "name": name, "description": description, "workspace": workspace });
                server.send(Method::POST, "/templates", body).await
            }
        }
    }

    pub(crate) async fn update_template(&self, new: NewTemplate) -> Result<Template> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().update_template(new).await?),
            Self::Http(server) => {
                let NewTemplate { name, description, workspace } = new;
                let body = json!({ "description": description, "workspace": workspace });
                server.send(Method::PUT, &format!("/templates/{name}"), body).await
            }
        }
    }

    pub(crate) async fn delete_template(&self, name: &TemplateName) -> Result<()> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().delete_template(name).await?),
            Self::Http(server) => server.delete(&format!("/templates/{name}")).await,
        }
    }

    pub(crate) async fn apply_template(
        &self,
        workspace: WorkspaceId,
        version: Option<u32>,
        dry_run: bool,
    ) -> Result<Application> {
        match self {
            Self::Embedded(server) => {
                Ok(server.orchestrator().apply_template(&server.by, workspace, version, dry_run).await?)
            }
            Self::Http(server) => {
                let body = json!({ "version": version, "dry_run": dry_run });
                server.send(Method::POST, &format!("/workspaces/{workspace}/template"), body).await
            }
        }
    }

    pub(crate) async fn build_workspace(&self, workspace: WorkspaceId, from_start: bool) -> Result<Build> {
        match self {
            Self::Embedded(server) => {
                Ok(server.orchestrator().build_workspace(&server.by, workspace, from_start).await?)
            }
            Self::Http(server) => {
                let body = json!({ "from_start": from_start });
                server.send(Method::POST, &format!("/workspaces/{workspace}/build"), body).await
            }
        }
    }

    /// The builds of a workspace, the newest first.
    pub(crate) async fn builds(&self, workspace: WorkspaceId) -> Result<Vec<Build>> {
        pages(u32::MAX, async |page: PageRequest| match self {
            Self::Embedded(server) => Ok(server.orchestrator().builds(workspace, &page).await?),
            Self::Http(server) => {
                server.query::<Page<_>>(&format!("/workspaces/{workspace}/builds"), &page_query(&page)).await
            }
        })
        .await
    }

    pub(crate) async fn build(&self, id: BuildId) -> Result<Build> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().build(id).await?),
            Self::Http(server) => server.get(&format!("/builds/{id}")).await,
        }
    }

    /// Waits for the end of a build whose steps are over.
    pub(crate) async fn build_end(&self, id: BuildId) -> Result<Build> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().build_end(id).await?),
            Self::Http(server) => loop {
                let build: Build = server.get(&format!("/builds/{id}")).await?;
                if build.state.has_ended() {
                    return Ok(build);
                }
                tokio::time::sleep(PAUSE).await;
            },
        }
    }

    pub(crate) async fn cancel_build(&self, id: BuildId) -> Result<Build> {
        match self {
            Self::Embedded(server) => Ok(server.orchestrator().cancel_build(id).await?),
            Self::Http(server) => server.act(&format!("/builds/{id}/cancel")).await,
        }
    }

    /// What a step, numbered from 1, prints, from its beginning to its end.
    pub(crate) async fn build_log(
        &self,
        id: BuildId,
        step: u32,
        stream: OutputStream,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        match self {
            Self::Embedded(server) => server.build_log(id, step, stream).await,
            Self::Http(server) => server.build_log(id, step, stream).await,
        }
    }
}

impl Embedded {
    async fn build_log(
        &self,
        id: BuildId,
        step: u32,
        stream: OutputStream,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let mut log = self.orchestrator().build_log(id, step, stream, 0).await?;
        let pieces = async_stream::try_stream! {
            loop {
                match log.next().await? {
                    ProcessChunk::Bytes { bytes, .. } => yield Bytes::from(bytes),
                    ProcessChunk::Gap { .. } => {}
                    ProcessChunk::End => break,
                }
            }
        };
        Ok(pieces.boxed())
    }
}

impl Http {
    async fn build_log(
        &self,
        id: BuildId,
        step: u32,
        stream: OutputStream,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let path = format!("/builds/{id}/steps/{step}/log?stream={}", stream.as_str());
        let response = self.ask(self.request(Method::GET, &path)).await?;
        let lost = |_| {
            Failed::unavailable("the connection to the server was lost")
                .hint("the build goes on when the server is there again: `sandboxed-sh workspaces log` follows it")
        };
        Ok(response.bytes_stream().map(move |piece| piece.map_err(lost)).boxed())
    }
}
